package dev.spikewise.security;

import dev.spikewise.spec.Problem;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import tools.jackson.databind.json.JsonMapper;

/** Answers a request that does not reach a controller. */
record ProblemWriter(JsonMapper json) {

  void write(Problem problem, HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    response.setStatus(problem.status());
    response.setContentType("application/problem+json");
    response.getOutputStream().write(json.writeValueAsBytes(problem.at(request.getRequestURI())));
  }
}
