package dev.spikewise.cli;

import org.jspecify.annotations.Nullable;

/** Files of a job, by their names in the API. */
interface JobFiles {

  /**
   * @param part last part of the file's path
   * @param type media type
   * @return content of the file; null when the job has no such file
   */
  byte @Nullable [] get(String part, String type);
}
