package dev.spikewise.store;

import java.io.IOException;
import java.io.InputStream;
import org.springframework.core.io.InputStreamSource;

/** A place of large contents outside the database. Objects are written once and never changed. */
interface ObjectStore {

  /**
   * Writes an object. After an exception it may exist or not.
   *
   * @param content content, which may be read several times
   */
  void put(String name, InputStreamSource content, long bytes) throws IOException;

  /**
   * Opens an object.
   *
   * @throws java.nio.file.NoSuchFileException when there is no object of this name
   */
  InputStream get(String name) throws IOException;

  /** Deletes the object of this name, if there is one. */
  void delete(String name) throws IOException;

  /** Checks that the store can be used now. */
  void check() throws IOException;

  /** The store in messages. */
  String description();
}
