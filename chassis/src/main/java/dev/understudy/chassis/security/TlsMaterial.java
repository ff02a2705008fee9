package dev.understudy.chassis.security;

import dev.understudy.chassis.config.ConfigException;
import io.grpc.netty.GrpcSslContexts;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One reading of a TLS section's files.
 *
 * @param context made of them
 * @param expiry when the first certificate of the chain runs out; null without a chain
 * @param begin when it becomes valid; null without a chain
 */
record TlsMaterial(SslContext context, @Nullable Instant begin, @Nullable Instant expiry) {

  /** The files, in the order in which {@link #load} wants their content. */
  static List<Path> files(Tls tls) {
    List<Path> files = new ArrayList<>();
    for (Path file : new Path[] {tls.certificateChain(), tls.privateKey(), tls.trust()}) {
      if (file != null) {
        files.add(file);
      }
    }
    return files;
  }

  static TlsMaterial load(Tls tls, boolean server, List<byte[]> contents)
      throws IOException, GeneralSecurityException {
    boolean hasChain = tls.certificateChain() != null;
    if (server && !hasChain) {
      throw new ConfigException("tls: a server needs a certificate (expected: certificate, key)");
    }
    X509Certificate[] chain = {};
    PrivateKey key = null;
    if (hasChain) {
      chain = certificates(tls.certificateChain(), contents.get(0));
      key = key(tls.privateKey(), contents.get(1));
      checkPair(chain[0], key, tls);
    }
    SslContextBuilder builder =
        server && key != null
            ? SslContextBuilder.forServer(key, chain)
            : SslContextBuilder.forClient();
    if (!server && key != null) {
      builder.keyManager(key, chain);
    }
    if (tls.trust() != null) {
      builder.trustManager(certificates(tls.trust(), contents.getLast()));
    }
    if (server) {
      builder.clientAuth(clientAuth(tls));
    }
    SslContext context =
        GrpcSslContexts.configure(builder, SslProvider.JDK).protocols("TLSv1.3", "TLSv1.2").build();
    return new TlsMaterial(
        context,
        hasChain ? chain[0].getNotBefore().toInstant() : null,
        hasChain ? chain[0].getNotAfter().toInstant() : null);
  }

  private static ClientAuth clientAuth(Tls tls) {
    if (tls.requireClientCertificate()) {
      return ClientAuth.REQUIRE;
    }
    return tls.trust() == null ? ClientAuth.NONE : ClientAuth.OPTIONAL;
  }

  /** Why the certificate cannot be used at a time; null if it can. */
  @Nullable String problemAt(Instant now) {
    if (expiry != null && now.isAfter(expiry)) {
      return "the certificate ran out at " + expiry;
    }
    return begin != null && now.isBefore(begin)
        ? "the certificate is not valid before " + begin
        : null;
  }

  private static X509Certificate[] certificates(@Nullable Path file, byte[] content)
      throws GeneralSecurityException {
    X509Certificate[] chain = Pem.certificates(new ByteArrayInputStream(content));
    if (chain.length == 0) {
      throw new ConfigException("tls: " + file + ": no certificate (expected: PEM)");
    }
    return chain;
  }

  private static PrivateKey key(@Nullable Path file, byte[] content) throws IOException {
    PrivateKey key;
    try {
      key = Pem.key(new ByteArrayInputStream(content));
    } catch (GeneralSecurityException | IllegalArgumentException e) {
      // The cause could carry bytes of the key.
      throw new ConfigException("tls: " + file + ": no private key (expected: PEM, PKCS#8)");
    }
    return key;
  }

  /** A key that belongs to another certificate would be noticed by the first client only. */
  private static void checkPair(X509Certificate certificate, PrivateKey key, Tls tls)
      throws GeneralSecurityException {
    PublicKey publicKey = certificate.getPublicKey();
    String algorithm =
        switch (key.getAlgorithm()) {
          case "RSA" -> "SHA256withRSA";
          case "EC" -> "SHA256withECDSA";
          case "EdDSA", "Ed25519", "Ed448" -> "EdDSA";
          default -> "";
        };
    boolean belongs = key.getAlgorithm().equals(publicKey.getAlgorithm());
    if (belongs && !algorithm.isEmpty()) {
      byte[] probe = {1, 2, 3};
      Signature signing = Signature.getInstance(algorithm);
      signing.initSign(key);
      signing.update(probe);
      Signature verifying = Signature.getInstance(algorithm);
      verifying.initVerify(publicKey);
      verifying.update(probe);
      belongs = verifying.verify(signing.sign());
    }
    if (!belongs) {
      throw new ConfigException(
          "tls: the key "
              + tls.privateKey()
              + " is not that of the certificate "
              + tls.certificateChain()
              + " (expected: a pair)");
    }
  }

  /** Netty's PEM readers, which it shows to heirs of its context only. */
  private abstract static class Pem extends SslContext {
    static X509Certificate[] certificates(InputStream in) throws GeneralSecurityException {
      return toX509Certificates(in);
    }

    static PrivateKey key(InputStream in) throws IOException, GeneralSecurityException {
      return toPrivateKey(in, null);
    }
  }
}
