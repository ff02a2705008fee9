package dev.understudy.chassis.security;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.Section;
import io.netty.handler.ssl.SslContext;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The PEM files of one side of a TLS connection. The files are read when a context is made. A
 * server that has a trust file asks clients for their certificate; whether they must have one is
 * said by {@code requireClientCertificate}.
 *
 * @param certificateChain this side's certificate and its issuers; a server needs it
 * @param privateKey its key in PKCS#8; given exactly when the chain is
 * @param trust the certificates that the other side's must lead to; null means the JDK's store
 * @param requireClientCertificate whether a server refuses clients without a trusted certificate
 */
public record Tls(
    @Nullable Path certificateChain,
    @Nullable Path privateKey,
    @Nullable Path trust,
    boolean requireClientCertificate) {

  /** Checks that the parts fit together. */
  public Tls {
    if ((certificateChain == null) != (privateKey == null)) {
      throw new IllegalArgumentException(
          "tls: a certificate chain without its key, or the other way round (expected: both)");
    }
    if (requireClientCertificate && trust == null) {
      throw new IllegalArgumentException(
          "tls: client certificates are required but no trust file says whose (expected: trust)");
    }
  }

  /** A server with this certificate. */
  public static Tls server(Path certificateChain, Path privateKey) {
    return new Tls(certificateChain, privateKey, null, false);
  }

  /** A client that trusts the certificates in this file. */
  public static Tls client(Path trust) {
    return new Tls(null, null, trust, false);
  }

  /**
   * Reads the keys {@code certificate}, {@code key}, {@code trust} and {@code
   * requireClientCertificate}; null if none of the files is given.
   */
  public static @Nullable Tls read(Section section) {
    Path certificate = section.optionalPath("certificate");
    Path key = section.optionalPath("key");
    Path trust = section.optionalPath("trust");
    boolean required = section.flag("requireClientCertificate", false);
    if ((certificate == null) != (key == null)) {
      section.problem(
          certificate == null ? "key" : "certificate",
          "stands alone (expected: certificate and key together)");
      return null;
    }
    if (required && trust == null) {
      section.problem("requireClientCertificate", "needs to know whom to trust (expected: trust)");
      return null;
    }
    return certificate == null && trust == null ? null : new Tls(certificate, key, trust, required);
  }

  /**
   * The context of a gRPC server, made of the files as they are now. Services use {@link
   * TlsContexts}, which follows the files.
   *
   * @throws ConfigException if a file is missing or unusable
   */
  public SslContext serverContext() {
    return context(true);
  }

  /**
   * The context of a gRPC client, made of the files as they are now.
   *
   * @throws ConfigException if a file is missing or unusable
   */
  public SslContext clientContext() {
    return context(false);
  }

  private SslContext context(boolean server) {
    return Reloading.open(
            "tls", TlsMaterial.files(this), contents -> TlsMaterial.load(this, server, contents))
        .get()
        .context();
  }
}
