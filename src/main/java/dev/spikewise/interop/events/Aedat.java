package dev.spikewise.interop.events;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * AEDAT, by the version in its first line: 2 (jAER), 3.1 (DVS128 Gesture) and 4 (DV), see <a
 * href="https://docs.inivation.com/software/software-advanced-usage/file-formats/index.html">the
 * formats</a>.
 */
final class Aedat {

  private static final String MAGIC = "#!AER-DAT";
  private static final int POLARITY_EVENTS = 1;
  private static final int PACKET_HEADER = 28;

  private Aedat() {}

  static EventRecording read(byte[] file, EventOptions options) {
    var first = line(file, 0);
    if (!first.startsWith(MAGIC)) {
      throw new IllegalArgumentException("an AEDAT file must start with " + MAGIC);
    }
    var version = first.substring(MAGIC.length()).strip();
    return switch (version.isEmpty() ? '?' : version.charAt(0)) {
      case '2' -> version2(file, options);
      case '3' -> version3(file, options);
      case '4' -> Aedat4.read(file, first.length(), options);
      default ->
          throw new IllegalArgumentException(
              "AEDAT version " + version + " is not supported: supported are 2.0, 3.1 and 4.0");
    };
  }

  /** The line from {@code at} to its end, the line feed included. */
  private static String line(byte[] file, int at) {
    int end = at;
    while (end < file.length && file[end] != '\n' && end - at < 1 << 16) {
      end++;
    }
    return new String(file, at, Math.min(end + 1, file.length) - at, StandardCharsets.ISO_8859_1);
  }

  /** An address and a time of 32 bits each, big-endian; the camera decides on the address. */
  private static EventRecording version2(byte[] file, EventOptions options) {
    int at = 0;
    boolean dvs128 = false;
    while (at < file.length && file[at] == '#') {
      var line = line(file, at);
      dvs128 |= line.contains("DVS128");
      at += line.length();
    }
    var data = ByteBuffer.wrap(file, at, file.length - at);
    if (data.remaining() % 8 != 0) {
      throw new IllegalArgumentException(
          data.remaining() + " bytes after the header are not a whole number of events of 8");
    }
    boolean short15 = true;
    for (int i = data.position(); i < data.limit(); i += 8) {
      short15 &= data.getInt(i) >>> 15 == 0;
    }
    var events = new Columns.Builder(options);
    while (data.hasRemaining()) {
      int address = data.getInt();
      long t = data.getInt() & 0xffffffffL;
      if (dvs128 || short15) {
        // As in SpikingJelly's reader of CIFAR10-DVS.
        events.add(127 - (address >> 8 & 0x7f), 127 - (address >> 1 & 0x7f), 1 - (address & 1), t);
      } else if ((address & 0x8000_0400) == 0) {
        // DAVIS; jAER counts from the lower right, and other bits mark frames and special events.
        events.add(
            options.width() - 1 - (address >> 12 & 0x3ff),
            options.height() - 1 - (address >> 22 & 0x1ff),
            address >> 11 & 1,
            t);
      }
    }
    return events.build(null);
  }

  private static EventRecording version3(byte[] file, EventOptions options) {
    int at = 0;
    while (at < file.length && file[at] == '#') {
      var line = line(file, at);
      at += line.length();
      if (line.strip().equals("#!END-HEADER")) {
        break;
      }
    }
    var data = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).position(at);
    var events = new Columns.Builder(options);
    while (data.hasRemaining()) {
      if (data.remaining() < PACKET_HEADER) {
        throw new IllegalArgumentException("it ends within the header of a packet");
      }
      int type = data.getShort() & 0xffff;
      data.getShort();
      int size = data.getInt();
      data.getInt();
      long overflow = (data.getInt() & 0xffffffffL) << 31;
      long length = (data.getInt() & 0xffffffffL) * size;
      int number = data.getInt();
      data.getInt();
      if (size < 1 || length > data.remaining() || number < 0 || (long) number * size > length) {
        throw new IllegalArgumentException("it ends within a packet of " + length + " bytes");
      }
      int end = data.position() + (int) length;
      if (type == POLARITY_EVENTS && size >= 8) {
        for (int i = 0; i < number; i++) {
          int event = data.getInt(data.position() + i * size);
          long t = data.getInt(data.position() + i * size + 4) & 0xffffffffL;
          if ((event & 1) != 0) {
            events.add(event >>> 17, event >> 2 & 0x7fff, event >> 1 & 1, overflow | t);
          }
        }
      }
      data.position(end);
    }
    return events.build(null);
  }
}
