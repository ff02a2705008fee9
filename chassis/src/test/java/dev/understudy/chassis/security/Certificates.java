package dev.understudy.chassis.security;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;

/** An authority and what it issues, as files. */
final class Certificates {
  private final X509Bundle authority;

  Certificates(String name) throws Exception {
    authority =
        new CertificateBuilder()
            .ecp256()
            .subject("CN=" + name)
            .notBefore(Instant.now().minus(Duration.ofDays(2)))
            .setIsCertificateAuthority(true)
            .buildSelfSigned();
  }

  /** What a leaf of this authority begins with. */
  static CertificateBuilder leaf(String commonName) {
    return new CertificateBuilder()
        .ecp256()
        .subject("CN=" + commonName)
        .notBefore(Instant.now().minus(Duration.ofDays(2)))
        .notAfter(Instant.now().plus(Duration.ofDays(2)));
  }

  X509Bundle issue(CertificateBuilder leaf) throws Exception {
    return leaf.buildIssuedBy(authority);
  }

  X509Bundle server() throws Exception {
    return issue(leaf("server").addSanDnsName("localhost"));
  }

  /** Writes the authority's certificate. */
  Path trust(Path file) throws IOException {
    return Files.writeString(file, authority.getRootCertificatePEM());
  }

  /** Writes chain and key, {@code NAME.crt} and {@code NAME.key}. */
  static void write(Path folder, String name, X509Bundle bundle) throws IOException {
    Files.writeString(folder.resolve(name + ".crt"), bundle.getCertificatePathPEM());
    Files.writeString(folder.resolve(name + ".key"), bundle.getPrivateKeyPEM());
  }
}
