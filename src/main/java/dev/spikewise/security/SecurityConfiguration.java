package dev.spikewise.security;

import dev.spikewise.problem.Problem;
import dev.spikewise.problem.Problem.Code;
import dev.spikewise.tenant.Tenants;
import dev.spikewise.web.CrossOrigin;
import dev.spikewise.web.ProblemWriter;
import jakarta.servlet.DispatcherType;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.HttpMethod;
import org.springframework.security.access.hierarchicalroles.RoleHierarchy;
import org.springframework.security.access.hierarchicalroles.RoleHierarchyImpl;
import org.springframework.security.authorization.AuthorityAuthorizationManager;
import org.springframework.security.authorization.AuthorizationDecision;
import org.springframework.security.authorization.AuthorizationManager;
import org.springframework.security.authorization.AuthorizationManagers;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.annotation.web.configurers.AbstractHttpConfigurer;
import org.springframework.security.config.annotation.web.configurers.HeadersConfigurer;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.server.resource.authentication.JwtAuthenticationConverter;
import org.springframework.security.web.AuthenticationEntryPoint;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.access.AccessDeniedHandler;
import org.springframework.security.web.access.intercept.RequestAuthorizationContext;
import org.springframework.security.web.firewall.RequestRejectedHandler;
import org.springframework.security.web.header.HeaderWriterFilter;
import org.springframework.security.web.header.writers.ReferrerPolicyHeaderWriter.ReferrerPolicy;

/**
 * Security of all requests. On the loopback interface no credentials are required; on any other
 * address the server starts only with credentials configured.
 */
@Configuration(proxyBeanMethods = false)
@ConditionalOnWebApplication
class SecurityConfiguration {

  /**
   * Allows scripts from this server's own files only. Inline styles are needed by htmx, uPlot and
   * Swagger UI.
   */
  private static final String CONTENT_POLICY =
      "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'"
          + " data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors"
          + " 'none'";

  private final SecuritySettings settings;
  private final boolean open;
  private final boolean tokens;
  private final TokenCallers callers;

  SecurityConfiguration(
      SecuritySettings settings,
      ObjectProvider<JwtDecoder> issuer,
      ObjectProvider<JwtAuthenticationConverter> roles,
      @Value("${server.address:#{null}}") @Nullable InetAddress address) {
    this.settings = settings;
    this.tokens = issuer.getIfAvailable() != null;
    this.callers =
        new TokenCallers(
            roles.getIfAvailable(JwtAuthenticationConverter::new), settings.tenantClaim());
    this.open = settings.anonymous() || !tokens && settings.apiKeys().isEmpty();
    if (open && !settings.anonymous() && (address == null || !address.isLoopbackAddress())) {
      throw new UnprotectedServerException(
          address == null ? "every address" : address.getHostAddress());
    }
  }

  @Bean
  SecurityFilterChain filters(
      HttpSecurity http, CrossOrigin crossOrigin, KnownKeys keys, ProblemWriter problems)
      throws Exception {
    http
        // CSRF tokens are not needed: there are no sessions, and ForeignPageFilter refuses requests
        // from pages of other sites.
        .csrf(AbstractHttpConfigurer::disable)
        .sessionManagement(
            session -> session.sessionCreationPolicy(SessionCreationPolicy.STATELESS))
        .requestCache(AbstractHttpConfigurer::disable)
        .logout(AbstractHttpConfigurer::disable)
        .headers(SecurityConfiguration::headers)
        .exceptionHandling(
            refusal ->
                refusal
                    .authenticationEntryPoint(unknown(problems))
                    .accessDeniedHandler(refused(problems)))
        .addFilterAfter(new AuditFilter(), HeaderWriterFilter.class)
        .addFilterAfter(
            new ForeignPageFilter(open && !settings.anonymous(), crossOrigin, problems),
            AuditFilter.class)
        .addFilterAfter(new ApiKeyFilter(keys), ForeignPageFilter.class)
        .authorizeHttpRequests(
            requests -> {
              requests.dispatcherTypeMatchers(DispatcherType.ERROR).permitAll();
              if (open) {
                requests.anyRequest().permitAll();
                return;
              }
              requests
                  .requestMatchers("/actuator/health", "/actuator/health/**")
                  .permitAll()
                  // Metrics and other actuator endpoints contain data of all tenants.
                  .requestMatchers("/actuator", "/actuator/**")
                  .access(operators())
                  .requestMatchers("/api/v1/keys", "/api/v1/keys/**")
                  .hasRole(Role.ADMIN.name())
                  .requestMatchers(HttpMethod.DELETE)
                  .hasRole(Role.ADMIN.name())
                  .requestMatchers(HttpMethod.GET)
                  .hasRole(Role.READ.name())
                  .requestMatchers(HttpMethod.HEAD)
                  .hasRole(Role.READ.name())
                  .anyRequest()
                  .hasRole(Role.TRAIN.name());
            });
    if (tokens) {
      http.oauth2ResourceServer(
          server ->
              server
                  .jwt(jwt -> jwt.jwtAuthenticationConverter(callers))
                  .authenticationEntryPoint(unknown(problems))
                  .accessDeniedHandler(refused(problems)));
    }
    return http.build();
  }

  private static AuthorizationManager<RequestAuthorizationContext> operators() {
    var readers =
        AuthorityAuthorizationManager.<RequestAuthorizationContext>hasRole(Role.READ.name());
    readers.setRoleHierarchy(roles());
    return AuthorizationManagers.allOf(
        readers, (caller, _) -> new AuthorizationDecision(Tenants.of(caller.get()).isEmpty()));
  }

  /** Answers requests that Spring Security's firewall rejects before any other filter. */
  @Bean
  static RequestRejectedHandler rejected(ProblemWriter problems) {
    return (request, response, _) ->
        problems.write(
            Problem.of(
                Code.INVALID_PARAMETER,
                "the path or a header contains characters that are not allowed: percent-encode or"
                    + " remove them"),
            request,
            response);
  }

  @Bean
  static RoleHierarchy roles() {
    return RoleHierarchyImpl.withDefaultRolePrefix()
        .role(Role.ADMIN.name())
        .implies(Role.TRAIN.name())
        .role(Role.TRAIN.name())
        .implies(Role.READ.name())
        .build();
  }

  private static void headers(HeadersConfigurer<HttpSecurity> headers) {
    headers
        .contentSecurityPolicy(policy -> policy.policyDirectives(CONTENT_POLICY))
        .referrerPolicy(policy -> policy.policy(ReferrerPolicy.NO_REFERRER));
  }

  private AuthenticationEntryPoint unknown(ProblemWriter problems) {
    var challenge =
        settings.apiKeys().isEmpty()
            ? "Bearer"
            : "Basic realm=\"Spikewise, the password is an API key\"";
    return (request, response, e) -> {
      response.setHeader("WWW-Authenticate", challenge);
      problems.write(
          Problem.of(
              Code.UNAUTHORIZED,
              settings.apiKeys().isEmpty()
                  ? "credentials are required: send a bearer token"
                  : "credentials are required: send an API key as X-API-Key or, from a browser, as"
                      + " the password"
                      + (tokens ? "; or a bearer token" : "")),
          request,
          response);
    };
  }

  private static AccessDeniedHandler refused(ProblemWriter problems) {
    return (request, response, e) ->
        problems.write(
            Problem.of(
                Code.FORBIDDEN,
                "the role of this credential does not allow "
                    + request.getMethod()
                    + " here: use a credential with a higher role"),
            request,
            response);
  }
}
