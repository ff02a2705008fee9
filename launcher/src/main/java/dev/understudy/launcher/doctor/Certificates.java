package dev.understudy.launcher.doctor;

import dev.understudy.chassis.config.HostPort;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.cert.Certificate;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * The certificate that a server shows: for which names, and for how long. Only looked at here;
 * whether it is trusted is decided by the connection over which the service is asked.
 */
final class Certificates {
  private static final int PATIENCE_MILLIS = 3_000;
  private static final long FEW_DAYS = 30;

  private Certificates() {}

  /** Looks at the certificate of a server that speaks TLS. */
  static Finding look(String subject, HostPort address, Instant now) {
    try {
      return judge(subject, shown(address), now);
    } catch (IOException | GeneralSecurityException e) {
      return Finding.fail(
          "certificate",
          subject,
          "none was shown: " + e.getMessage(),
          "set tls.certificate and tls.key of the service, or leave out TLS here");
    }
  }

  /** Judges a certificate. */
  static Finding judge(String subject, X509Certificate certificate, Instant now)
      throws CertificateParsingException {
    long days = Duration.between(now, certificate.getNotAfter().toInstant()).toDays();
    String text =
        "for "
            + String.join(", ", names(certificate))
            + ", until "
            + certificate.getNotAfter().toInstant()
            + " ("
            + days
            + " days)";
    if (certificate.getNotAfter().toInstant().isBefore(now)) {
      return Finding.fail("certificate", subject, text, "renew it: it has run out");
    }
    return days < FEW_DAYS
        ? Finding.warn("certificate", subject, text, "renew it")
        : Finding.ok("certificate", subject, text);
  }

  private static List<String> names(X509Certificate certificate)
      throws CertificateParsingException {
    List<String> names = new ArrayList<>();
    Collection<List<?>> alternatives = certificate.getSubjectAlternativeNames();
    if (alternatives != null) {
      alternatives.forEach(name -> names.add(String.valueOf(name.get(1))));
    }
    if (names.isEmpty()) {
      names.add(certificate.getSubjectX500Principal().getName());
    }
    return names;
  }

  private static X509Certificate shown(HostPort address)
      throws IOException, GeneralSecurityException {
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, new TrustManager[] {new Onlooker()}, null);
    try (Socket plain = new Socket()) {
      plain.connect(new InetSocketAddress(address.host(), address.port()), PATIENCE_MILLIS);
      plain.setSoTimeout(PATIENCE_MILLIS);
      try (SSLSocket socket =
          (SSLSocket)
              context
                  .getSocketFactory()
                  .createSocket(plain, address.host(), address.port(), true)) {
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setApplicationProtocols(new String[] {"h2"});
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        Certificate first = socket.getSession().getPeerCertificates()[0];
        return (X509Certificate) first;
      }
    }
  }

  /** Looks, and sends nothing over the connection: whom to trust is not asked here. */
  private static final class Onlooker extends X509ExtendedTrustManager {
    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type) {}

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return new X509Certificate[0];
    }
  }
}
