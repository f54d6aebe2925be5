package dev.spikewise.problem;

import dev.spikewise.problem.Problem.Code;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Condition of a request on the version of the resource that it changes (RFC 9110, section 13.1.1),
 * so that two clients do not overwrite each other's changes.
 */
public final class IfMatch {

  /** The condition of a request without the header. */
  public static final IfMatch NONE = new IfMatch("*", Set.of());

  private static final Pattern TAG = Pattern.compile("\\s*(W/)?\"([\\x21\\x23-\\x7e]*)\"\\s*");

  private final String header;
  private final Set<String> tags;

  private IfMatch(String header, Set<String> tags) {
    this.header = header;
    this.tags = tags;
  }

  /**
   * @param header value of the request's {@code If-Match}; null where it has none
   * @throws ProblemException where the header is neither {@code *} nor a list of entity tags
   */
  public static IfMatch of(@Nullable String header) {
    if (header == null || header.strip().equals("*")) {
      return NONE;
    }
    var tags = new HashSet<String>();
    for (var part : header.split(",")) {
      var tag = TAG.matcher(part);
      if (!tag.matches()) {
        throw new ProblemException(
            Code.INVALID_PARAMETER,
            "If-Match must be * or the ETag of a response, quotes included, but was " + header);
      }
      // A weak tag never matches, because it does not guarantee that nothing has changed.
      if (tag.group(1) == null) {
        tags.add(tag.group(2));
      }
    }
    return new IfMatch(header, tags);
  }

  /**
   * Refuses the request when the resource has another version. Call it while the resource is
   * locked.
   *
   * @param version entity tag of the resource without quotes and without the suffix after a hyphen,
   *     which changes without a write (such as a queue position)
   */
  public void require(String version) {
    if (this != NONE && tags.stream().noneMatch(tag -> names(tag, version))) {
      throw new ProblemException(
          Code.PRECONDITION_FAILED,
          "the resource has changed: If-Match was %s but its version is now \"%s\"; read it again and repeat the change with the new ETag"
              .formatted(header, version));
    }
  }

  private static boolean names(String tag, String version) {
    return tag.equals(version) || tag.startsWith(version + "-");
  }
}
