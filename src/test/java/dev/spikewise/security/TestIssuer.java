package dev.spikewise.security;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;

/** An OpenID Connect issuer on this machine: discovery, its keys, and tokens signed with one. */
final class TestIssuer implements AutoCloseable {

  static final String AUDIENCE = "spikewise";

  private final HttpServer server;
  private final RSAKey key = key();

  TestIssuer() {
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    serve(
        "/.well-known/openid-configuration",
        "{\"issuer\": \"%1$s\", \"jwks_uri\": \"%1$s/jwks\", \"subject_types_supported\": [\"public\"]}"
            .formatted(uri()));
    serve("/jwks", new JWKSet(key.toPublicJWK()).toString());
    server.start();
  }

  private static RSAKey key() {
    try {
      return new RSAKeyGenerator(2048).keyID("one").generate();
    } catch (JOSEException e) {
      throw new IllegalStateException(e);
    }
  }

  private void serve(String path, String json) {
    server.createContext(
        path,
        exchange -> {
          var body = json.getBytes(StandardCharsets.UTF_8);
          exchange.getResponseHeaders().add("Content-Type", "application/json");
          exchange.sendResponseHeaders(200, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
  }

  String uri() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  /** What a token says, all of it as it should be. */
  JWTClaimsSet.Builder claims(String role) {
    return new JWTClaimsSet.Builder()
        .issuer(uri())
        .subject("somebody")
        .audience(AUDIENCE)
        .expirationTime(Date.from(Instant.now().plus(Duration.ofMinutes(5))))
        .claim("roles", List.of(role));
  }

  String sign(JWTClaimsSet.Builder claims) {
    return sign(claims, key);
  }

  /** Signed by somebody else who says the same key's name. */
  String forge(JWTClaimsSet.Builder claims) {
    return sign(claims, key());
  }

  private static String sign(JWTClaimsSet.Builder claims, RSAKey key) {
    try {
      var header = new JWSHeader.Builder(JWSAlgorithm.RS256).keyID(key.getKeyID()).build();
      var token = new SignedJWT(header, claims.build());
      token.sign(new RSASSASigner(key));
      return token.serialize();
    } catch (JOSEException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
