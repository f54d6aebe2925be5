package dev.spikewise.interop.events;

import com.github.luben.zstd.ZstdInputStream;
import com.google.flatbuffers.Table;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.apache.commons.compress.compressors.lz4.FramedLZ4CompressorInputStream;

/** AEDAT 4: FlatBuffers in packets, each an LZ4 or Zstandard frame or not compressed. */
final class Aedat4 {

  private static final String EVENTS = "EVTS";
  private static final int MAX_PACKET = 1 << 28;
  private static final int EVENT_BYTES = 16;

  private Aedat4() {}

  /** A FlatBuffers table whose fields are read by number. */
  private static final class Fields extends Table {

    static Fields root(ByteBuffer buffer) {
      var table = new Fields();
      table.__reset(buffer.getInt(buffer.position()) + buffer.position(), buffer);
      return table;
    }

    long number(int field, int width, long otherwise) {
      int at = __offset(4 + 2 * field);
      if (at == 0) {
        return otherwise;
      }
      return width == 4 ? bb.getInt(at + bb_pos) : bb.getLong(at + bb_pos);
    }

    int vectorLength(int field) {
      int at = __offset(4 + 2 * field);
      return at == 0 ? 0 : __vector_len(at);
    }

    int vectorStart(int field) {
      return __vector(__offset(4 + 2 * field));
    }

    ByteBuffer buffer() {
      return bb;
    }
  }

  static EventRecording read(byte[] file, int start, EventOptions options) {
    var data = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    int headerLength = data.getInt(start);
    if (headerLength < 8 || headerLength > file.length - start - 4) {
      throw new IllegalArgumentException("it ends within its header");
    }
    var header = Fields.root(data.slice(start + 4, headerLength).order(ByteOrder.LITTLE_ENDIAN));
    int compression = (int) header.number(0, 4, 0);
    long table = header.number(1, 8, -1);
    int end = table > start && table <= file.length ? (int) table : file.length;
    data.position(start + 4 + headerLength);
    var events = new Columns.Builder(options);
    int chosen = Integer.MAX_VALUE;
    while (end - data.position() >= 8) {
      int stream = data.getInt();
      int size = data.getInt();
      if (size < 0 || size > end - data.position()) {
        throw new IllegalArgumentException("it ends within a packet of " + size + " bytes");
      }
      var packet = unpacked(file, data.position(), size, compression);
      data.position(data.position() + size);
      var type = new byte[4];
      if (packet.capacity() >= 12) {
        packet.get(8, type);
      }
      if (!new String(type, StandardCharsets.ISO_8859_1).equals(EVENTS)) {
        continue;
      }
      // Other streams of events hold the same events filtered, or those of another camera.
      if (stream < chosen) {
        chosen = stream;
        events = new Columns.Builder(options);
      }
      if (stream == chosen) {
        add(packet, events);
      }
    }
    if (chosen == Integer.MAX_VALUE) {
      throw new IllegalArgumentException("it has no stream of events");
    }
    return events.build(null);
  }

  private static void add(ByteBuffer packet, Columns.Builder into) {
    var table = Fields.root(packet.position(4));
    int n = table.vectorLength(0);
    if (n == 0) {
      return;
    }
    int first = table.vectorStart(0);
    var buffer = table.buffer();
    if (n < 0 || first + (long) n * EVENT_BYTES > buffer.capacity()) {
      throw new IllegalArgumentException("a packet ends before the last of its events");
    }
    for (int i = 0; i < n; i++) {
      int at = first + i * EVENT_BYTES;
      into.add(
          buffer.getShort(at + 8),
          buffer.getShort(at + 10),
          buffer.get(at + 12) != 0 ? 1 : 0,
          buffer.getLong(at));
    }
  }

  private static ByteBuffer unpacked(byte[] file, int at, int size, int compression) {
    var packed = new ByteArrayInputStream(file, at, size);
    try (InputStream in =
        switch (compression) {
          case 0 -> packed;
          case 1, 2 -> new FramedLZ4CompressorInputStream(packed);
          case 3, 4 -> new ZstdInputStream(packed);
          default ->
              throw new IllegalArgumentException("compression " + compression + " is not known");
        }) {
      byte[] content = in.readNBytes(MAX_PACKET);
      if (in.read() >= 0) {
        throw new IllegalArgumentException("a packet contains more than " + MAX_PACKET + " bytes");
      }
      return ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
    } catch (IOException e) {
      throw new IllegalArgumentException("a packet cannot be unpacked: " + e.getMessage(), e);
    }
  }
}
