package dev.understudy.chassis.security;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.netty.pkitesting.CertificateBuilder;
import java.net.URI;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class CertificateNamesTest {
  private static @Nullable String name(CertificateBuilder builder) throws Exception {
    return CertificateNames.nameOf(
        builder.ecp256().setIsCertificateAuthority(true).buildSelfSigned().getCertificate());
  }

  private static CertificateBuilder of(String subject) {
    return new CertificateBuilder().subject(subject);
  }

  @Test
  void theSpiffeIdComesFirst() throws Exception {
    assertEquals(
        "spiffe://example/a",
        name(
            of("CN=common")
                .addSanDnsName("a.example")
                .addSanUriName(new URI("https://a.example/"))
                .addSanUriName(new URI("spiffe://example/a"))));
  }

  @Test
  void thenAnyUriThenDnsThenTheCommonName() throws Exception {
    assertEquals(
        "https://a.example/",
        name(
            of("CN=common")
                .addSanDnsName("a.example")
                .addSanUriName(new URI("https://a.example/"))));
    assertEquals(
        "a.example", name(of("CN=common").addSanDnsName("a.example").addSanDnsName("b.example")));
    assertEquals("common", name(of("CN=common, OU=unit, O=house")));
  }

  @Test
  void whatNamesNobodyOrTooLongIsNoName() throws Exception {
    assertNull(name(of("O=house")));
    assertNull(name(of("CN=J\u00f6rg")));
    assertEquals(
        "a.example",
        name(
            of("CN=common")
                .addSanUriName(new URI("spiffe://example/" + "x".repeat(300)))
                .addSanDnsName("a.example")));
  }
}
