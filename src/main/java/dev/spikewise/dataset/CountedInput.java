package dev.spikewise.dataset;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.function.IntConsumer;

/** Reports the number of bytes of each read, so that unpacking can be stopped at a limit. */
final class CountedInput extends FilterInputStream {

  private final IntConsumer count;

  CountedInput(InputStream in, IntConsumer count) {
    super(in);
    this.count = count;
  }

  @Override
  public int read() throws IOException {
    int value = in.read();
    count.accept(value < 0 ? 0 : 1);
    return value;
  }

  @Override
  public int read(byte[] into, int offset, int length) throws IOException {
    int read = in.read(into, offset, length);
    count.accept(Math.max(read, 0));
    return read;
  }
}
