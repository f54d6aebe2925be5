package dev.spikewise.web;

import dev.spikewise.compute.Caller;
import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;
import org.springframework.stereotype.Component;
import org.springframework.util.unit.DataSize;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Stops reading a body that exceeds the size limit, with or without a Content-Length, or takes too
 * long to arrive.
 */
@Component
final class BodyLimit extends OncePerRequestFilter {

  /** Number of bytes of a body that are not counted against the memory of requests. */
  private static final int FREE = 64 << 10;

  private final DataSize max;
  private final Duration time;

  BodyLimit(HttpSettings settings) {
    max = settings.maxBodySize();
    time = settings.maxBodyTime();
  }

  @Override
  protected boolean shouldNotFilter(HttpServletRequest request) {
    return Body.isMultipart(request);
  }

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    chain.doFilter(new Limited(request), response);
  }

  private final class Limited extends HttpServletRequestWrapper {

    Limited(HttpServletRequest request) {
      super(request);
    }

    @Override
    public ServletInputStream getInputStream() throws IOException {
      return new Counting(super.getInputStream());
    }
  }

  private final class Counting extends ServletInputStream {

    private final ServletInputStream in;
    private final long begin = System.nanoTime();
    private long count;
    private long reserved;

    Counting(ServletInputStream in) {
      this.in = in;
    }

    @Override
    public int read() throws IOException {
      int value = in.read();
      add(value < 0 ? 0 : 1);
      return value;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      int read = in.read(into, offset, length);
      add(Math.max(read, 0));
      return read;
    }

    private void add(int read) {
      count += read;
      if (count > FREE && Caller.current() instanceof Caller caller) {
        caller.reserve(count - reserved);
        reserved = count;
      }
      if (count > max.toBytes()) {
        throw new ProblemException(
            Code.CONTENT_TOO_LARGE,
            "the body exceeds the " + max + " of spikewise.http.max-body-size");
      }
      if (System.nanoTime() - begin > time.toNanos()) {
        throw new ProblemException(
            Code.REQUEST_TIMEOUT,
            "the body was not received within the "
                + time.toSeconds()
                + " s of spikewise.http.max-body-time");
      }
    }

    @Override
    public boolean isFinished() {
      return in.isFinished();
    }

    @Override
    public boolean isReady() {
      return in.isReady();
    }

    @Override
    public void setReadListener(ReadListener listener) {
      in.setReadListener(listener);
    }
  }
}
