package dev.spikewise.cli;

import org.jspecify.annotations.Nullable;

/** Gives a job's files, by the names of the API. */
interface JobFiles {

  /**
   * @param part of the job's path
   * @param type media type
   * @return null where the job has no such file
   */
  byte @Nullable [] get(String part, String type);
}
