package dev.understudy.chassis.security;

import dev.understudy.chassis.config.ConfigException;
import io.grpc.netty.GrpcSslContexts;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One reading of a TLS section's files.
 *
 * @param context made of them
 * @param begin when the first certificate of the chain becomes valid; null without a chain
 * @param expiry when it runs out; null without a chain
 */
record TlsMaterial(SslContext context, @Nullable Instant begin, @Nullable Instant expiry) {

  private static final String BEGIN_KEY = "-----BEGIN PRIVATE KEY-----";
  private static final String END_KEY = "-----END PRIVATE KEY-----";
  private static final List<String> KINDS = List.of("EC", "RSA", "EdDSA");

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
    X509Certificate[] chain =
        CertificateFactory.getInstance("X.509")
            .generateCertificates(new ByteArrayInputStream(content))
            .stream()
            .map(X509Certificate.class::cast)
            .toArray(X509Certificate[]::new);
    if (chain.length == 0) {
      throw new ConfigException("tls: " + file + ": no certificate (expected: PEM)");
    }
    return chain;
  }

  /** By the JDK alone, because Netty's reader makes other keys where BouncyCastle is about. */
  private static PrivateKey key(@Nullable Path file, byte[] content)
      throws GeneralSecurityException {
    String text = new String(content, StandardCharsets.ISO_8859_1);
    int begin = text.indexOf(BEGIN_KEY);
    int end = begin < 0 ? -1 : text.indexOf(END_KEY, begin);
    if (end > 0) {
      try {
        byte[] der =
            Base64.getMimeDecoder().decode(text.substring(begin + BEGIN_KEY.length(), end));
        for (String kind : KINDS) {
          PrivateKey key = key(kind, der);
          if (key != null) {
            return key;
          }
        }
      } catch (IllegalArgumentException e) {
        // Said below, without a byte of the key.
      }
    }
    throw new ConfigException("tls: " + file + ": no private key (expected: PEM, PKCS#8)");
  }

  private static @Nullable PrivateKey key(String kind, byte[] der) throws GeneralSecurityException {
    try {
      return KeyFactory.getInstance(kind).generatePrivate(new PKCS8EncodedKeySpec(der));
    } catch (InvalidKeySpecException anotherKind) {
      return null;
    }
  }

  /** A key that belongs to another certificate would be noticed by the first client only. */
  private static void checkPair(X509Certificate certificate, PrivateKey key, Tls tls)
      throws GeneralSecurityException {
    if (!isPair(key, certificate.getPublicKey())) {
      throw new ConfigException(
          "tls: the key "
              + tls.privateKey()
              + " is not that of the certificate "
              + tls.certificateChain()
              + " (expected: a pair)");
    }
  }

  private static boolean isPair(PrivateKey key, PublicKey publicKey)
      throws GeneralSecurityException {
    // The public key says the algorithm: what a private key calls its own depends on its provider.
    String algorithm =
        switch (publicKey.getAlgorithm()) {
          case "RSA" -> "SHA256withRSA";
          case "EC" -> "SHA256withECDSA";
          case "EdDSA", "Ed25519", "Ed448" -> "EdDSA";
          default -> null;
        };
    if (algorithm == null) {
      // A kind that is not known here may be known to the JDK's TLS.
      return true;
    }
    byte[] probe = {1, 2, 3};
    Signature signature = Signature.getInstance(algorithm);
    byte[] signed;
    try {
      signature.initSign(key);
      signature.update(probe);
      signed = signature.sign();
    } catch (InvalidKeyException e) {
      return false;
    }
    signature.initVerify(publicKey);
    signature.update(probe);
    return signature.verify(signed);
  }
}
