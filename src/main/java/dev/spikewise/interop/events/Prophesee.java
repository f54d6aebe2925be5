package dev.spikewise.interop.events;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * Prophesee's .dat files and .raw files of EVT 2, 2.1 and 3, see <a
 * href="https://docs.prophesee.ai/stable/data/encoding_formats/index.html">the formats</a>.
 */
final class Prophesee {

  private Prophesee() {}

  /** Index of the first byte after the header, lines that start with a percent sign. */
  private static int headerEnd(byte[] file) {
    int at = 0;
    while (at < file.length && file[at] == '%') {
      while (at < file.length && file[at] != '\n') {
        at++;
      }
      at++;
      if (new String(file, 0, Math.min(at, file.length), StandardCharsets.ISO_8859_1)
          .endsWith("% end\n")) {
        break;
      }
    }
    return Math.min(at, file.length);
  }

  /** Eight bytes per event: time, then x, y and polarity. */
  static EventRecording dat(byte[] file, EventOptions options) {
    int at = headerEnd(file);
    var header = new String(file, 0, at, StandardCharsets.ISO_8859_1);
    boolean version1 = !header.contains("% Version 2");
    // Files without a header are those of version 1, whose events have no type and size before.
    if (at > 0) {
      if (file.length < at + 2 || file[at + 1] != 8) {
        throw new IllegalArgumentException("its events do not have the size of 8 bytes");
      }
      at += 2;
    }
    if ((file.length - at) % 8 != 0) {
      throw new IllegalArgumentException(
          (file.length - at) + " bytes after the header are not a whole number of events of 8");
    }
    var data = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).position(at);
    var events = new Columns.Builder(options);
    while (data.hasRemaining()) {
      long t = data.getInt() & 0xffffffffL;
      int word = data.getInt();
      if (version1) {
        events.add(word & 0x1ff, word >> 9 & 0xff, word >> 17 & 1, t);
      } else {
        events.add(word & 0x3fff, word >> 14 & 0x3fff, word >> 28 & 1, t);
      }
    }
    return events.build(null);
  }

  static EventRecording raw(byte[] file, EventOptions options) {
    int at = headerEnd(file);
    var header = new String(file, 0, at, StandardCharsets.ISO_8859_1).toLowerCase(Locale.ROOT);
    var data = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).position(at);
    var events = new Columns.Builder(options);
    if (header.contains("evt 3.0") || header.contains("format evt3")) {
      evt3(data, events);
    } else if (header.contains("evt 2.1") || header.contains("format evt21")) {
      evt21(data, header.contains("endianness=legacy"), events);
    } else if (header.contains("evt 2.0") || header.contains("format evt2")) {
      evt2(data, events);
    } else {
      throw new IllegalArgumentException(
          "its header names none of the formats EVT 2.0, EVT 2.1 and EVT 3.0");
    }
    return events.build(null);
  }

  private static void evt2(ByteBuffer data, Columns.Builder events) {
    long high = -1;
    while (data.remaining() >= 4) {
      int word = data.getInt();
      int type = word >>> 28;
      if (type == 8) {
        high = (word & 0xfffffffL) << 6;
      } else if (type <= 1 && high >= 0) {
        events.add(word >> 11 & 0x7ff, word & 0x7ff, type, high | word >> 22 & 0x3f);
      }
    }
  }

  /** Words of 64 bits, with up to 32 events of neighbouring columns. */
  private static void evt21(ByteBuffer data, boolean legacy, Columns.Builder events) {
    long high = -1;
    while (data.remaining() >= 8) {
      long word = data.getLong();
      word = legacy ? Long.rotateLeft(word, 32) : word;
      int type = (int) (word >>> 60);
      if (type == 8) {
        high = (word >>> 32 & 0xfffffffL) << 6;
      } else if (type <= 1 && high >= 0) {
        long t = high | word >>> 54 & 0x3f;
        int x = (int) (word >>> 43) & 0x7ff;
        int y = (int) (word >>> 32) & 0x7ff;
        for (int i = 0; i < 32; i++) {
          if ((word >>> i & 1) != 0) {
            events.add(x + i, y, type, t);
          }
        }
      }
    }
  }

  /** Words of 16 bits that each change a part of the state: row, column and time. */
  private static void evt3(ByteBuffer data, Columns.Builder events) {
    int y = 0;
    int base = 0;
    int polarity = 0;
    int low = 0;
    int high = -1;
    long wraps = 0;
    while (data.remaining() >= 2) {
      int word = data.getShort() & 0xffff;
      int value = word & 0xfff;
      switch (word >>> 12) {
        case 0x0 -> y = word & 0x7ff;
        case 0x2 -> {
          if (high >= 0) {
            events.add(word & 0x7ff, y, word >> 11 & 1, wraps + ((long) high << 12 | low));
          }
        }
        case 0x3 -> {
          base = word & 0x7ff;
          polarity = word >> 11 & 1;
        }
        case 0x4, 0x5 -> {
          int length = word >>> 12 == 4 ? 12 : 8;
          for (int i = 0; i < length; i++) {
            if ((word >> i & 1) != 0 && high >= 0) {
              events.add(base + i, y, polarity, wraps + ((long) high << 12 | low));
            }
          }
          base += length;
        }
        case 0x6 -> low = value;
        case 0x8 -> {
          // The clock of 24 bits starts again after 16.8 s; small steps back are jitter.
          if (high - value > 0x800) {
            wraps += 1L << 24;
          }
          if (value != high) {
            low = 0;
          }
          high = value;
        }
        default -> {
          // Triggers and vendor-specific words hold no events.
        }
      }
    }
  }
}
