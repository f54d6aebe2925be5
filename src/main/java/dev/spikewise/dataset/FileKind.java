package dev.spikewise.dataset;

import java.util.Arrays;
import java.util.Optional;

/**
 * Kinds of files that are not data sets but are often sent as one, recognised by their first bytes,
 * so that the error can say what to send instead.
 */
enum FileKind {
  GZIP(
      "is compressed with gzip: unpack it, and send arrays as .npz; IDX files are sent as the parts"
          + " images and labels",
      0x1f,
      0x8b),
  PICKLE(
      "is a pickled Python object, which is not read because unpickling runs code: save the arrays"
          + " x and y with numpy.savez, or send the binary version of CIFAR",
      0x80),
  NPY(
      "is a single .npy array: save the images and labels as x and y in one file with numpy.savez",
      0x93,
      'N',
      'U',
      'M',
      'P',
      'Y'),
  IDX("is an IDX file: send the images as the part images and the labels as the part labels", 0, 0),
  PNG(
      "is a picture: save all pictures and their labels as the arrays x and y with numpy.savez",
      0x89,
      'P',
      'N',
      'G'),
  JPEG(
      "is a picture: save all pictures and their labels as the arrays x and y with numpy.savez",
      0xff,
      0xd8,
      0xff),
  TEXT("is a text file: save the values and labels as the arrays x and y with numpy.savez");

  private static final int LOOK = 512;

  private final String advice;
  private final byte[] magic;

  FileKind(String advice, int... magic) {
    this.advice = advice;
    this.magic = new byte[magic.length];
    for (int i = 0; i < magic.length; i++) {
      this.magic[i] = (byte) magic[i];
    }
  }

  /** What is wrong and what to send instead. */
  String advice() {
    return advice;
  }

  /** The kind of a file, if it is known. */
  static Optional<FileKind> of(byte[] file) {
    return Arrays.stream(values()).filter(kind -> kind.matches(file)).findFirst();
  }

  private boolean matches(byte[] file) {
    if (this != TEXT) {
      return file.length >= magic.length
          && Arrays.equals(file, 0, magic.length, magic, 0, magic.length);
    }
    for (int i = 0; i < Math.min(LOOK, file.length); i++) {
      if (file[i] >= 0 && file[i] < ' ' && file[i] != '\n' && file[i] != '\r' && file[i] != '\t') {
        return false;
      }
    }
    return file.length > 0;
  }
}
