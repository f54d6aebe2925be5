package dev.spikewise.web;

import dev.spikewise.problem.Problem;
import dev.spikewise.problem.Problem.Code;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.MediaType;
import org.springframework.stereotype.Component;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Refuses malformed query parameters before they are read: Tomcat would throw an exception on the
 * first access, and PostgreSQL refuses text with NUL.
 */
@Component
@Order(Ordered.HIGHEST_PRECEDENCE + 10)
final class ParameterCheck extends OncePerRequestFilter {

  private static final String FORM = MediaType.APPLICATION_FORM_URLENCODED_VALUE;

  private final ProblemWriter problems;

  ParameterCheck(ProblemWriter problems) {
    this.problems = problems;
  }

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    // To return any parameter, Tomcat would read the whole form and close the connection when the
    // form stalls.
    if (isForm(request)) {
      problems.write(
          Problem.of(
              Code.UNSUPPORTED_MEDIA_TYPE,
              "forms are not accepted: send JSON, or multipart/form-data for files"),
          request,
          response);
      return;
    }
    var mistake = mistake(request.getQueryString());
    if (mistake.isPresent()) {
      problems.write(Problem.of(Code.INVALID_PARAMETER, mistake.get()), request, response);
      return;
    }
    chain.doFilter(request, response);
  }

  private static boolean isForm(HttpServletRequest request) {
    var type = request.getContentType();
    boolean hasBody =
        request.getContentLengthLong() > 0 || request.getHeader("Transfer-Encoding") != null;
    return hasBody && type != null && type.regionMatches(true, 0, FORM, 0, FORM.length());
  }

  private static Optional<String> mistake(@Nullable String query) {
    if (query == null) {
      return Optional.empty();
    }
    for (String pair : query.split("&")) {
      int equals = pair.indexOf('=');
      if (equals == 0) {
        return Optional.of("a query parameter has a value but no name: " + pair);
      }
      try {
        if (decode(pair).indexOf('\0') >= 0) {
          return Optional.of("query parameters must not hold NUL, but this one does: " + pair);
        }
      } catch (CharacterCodingException e) {
        return Optional.of(
            "query parameters must be percent-encoded UTF-8, but this one is not: " + pair);
      }
    }
    return Optional.empty();
  }

  private static String decode(String text) throws CharacterCodingException {
    var bytes = new ByteArrayOutputStream(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c != '%') {
        bytes.writeBytes(String.valueOf(c).getBytes(StandardCharsets.UTF_8));
        continue;
      }
      int high = i + 2 <= text.length() - 1 ? Character.digit(text.charAt(i + 1), 16) : -1;
      int low = i + 2 <= text.length() - 1 ? Character.digit(text.charAt(i + 2), 16) : -1;
      if (high < 0 || low < 0) {
        throw new CharacterCodingException();
      }
      bytes.write(high << 4 | low);
      i += 2;
    }
    return StandardCharsets.UTF_8
        .newDecoder()
        .decode(ByteBuffer.wrap(bytes.toByteArray()))
        .toString();
  }
}
