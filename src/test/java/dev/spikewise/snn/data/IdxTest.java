package dev.spikewise.snn.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.spikewise.spec.Shape;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;

class IdxTest {

  private static final byte[] IMAGES = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 51, (byte) 255, 102};
  private static final byte[] LABELS = {0, 0, 8, 1, 0, 0, 0, 2, 7, 3};

  private static Dataset read(byte[] images, byte[] labels) throws IOException {
    return Idx.read("two", new ByteArrayInputStream(images), new ByteArrayInputStream(labels), 1000);
  }

  private static byte[] gzip(byte[] bytes) throws IOException {
    var packed = new ByteArrayOutputStream();
    try (var gzip = new GZIPOutputStream(packed)) {
      gzip.write(bytes);
    }
    return packed.toByteArray();
  }

  @Test
  void imagesBecomeIntensitiesAndLabelsClasses() throws IOException {
    Dataset two = read(IMAGES, LABELS);
    assertThat(two.shape()).isEqualTo(Shape.of(1, 1, 2));
    assertThat(two.values()).containsExactly(0, 0.2f, 1, 0.4f);
    assertThat(two.labels()).containsExactly(7, 3);
  }

  @Test
  void gzippedFilesGiveTheSame() throws IOException {
    assertThat(read(gzip(IMAGES), gzip(LABELS)).values()).isEqualTo(read(IMAGES, LABELS).values());
  }

  @Test
  void whatDoesNotFitIsNamed() {
    assertThatThrownBy(() -> read(LABELS, LABELS)).hasMessageContaining("images must have shape");
    assertThatThrownBy(() -> read(IMAGES, IMAGES)).hasMessageContaining("labels must have shape [2]");
    assertThatThrownBy(() -> read(new byte[] {1, 2}, LABELS)).hasMessageContaining("images is no IDX file");
    assertThatThrownBy(() -> read(IMAGES, new byte[] {0, 0, 8, 1, 0, 0, 0, 2, 7}))
        .hasMessageContaining("labels ends after 1 of 2 bytes");
    assertThatThrownBy(() -> read(new byte[] {0, 0, 8, 2, 127, 0, 0, 0, 127, 0, 0, 0}, LABELS))
        .hasMessageContaining("larger than 1000 bytes");
  }
}
