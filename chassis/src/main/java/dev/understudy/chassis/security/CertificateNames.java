package dev.understudy.chassis.security;

import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.Collection;
import java.util.List;
import javax.naming.InvalidNameException;
import javax.naming.ldap.LdapName;
import javax.naming.ldap.Rdn;
import org.jspecify.annotations.Nullable;

/**
 * Whom a certificate names: the SPIFFE id among its alternative names, else the first other URI,
 * else the first DNS name, else the common name of its subject.
 *
 * @see <a href="https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md">X.509-SVID</a>
 */
public final class CertificateNames {
  /** The longest name that is taken: {@value} characters. */
  public static final int MAX_NAME = 256;

  private static final String SPIFFE = "spiffe://";
  private static final int DNS = 2;
  private static final int URI = 6;

  private CertificateNames() {}

  /** The name, or null if there is none that can be used. */
  public static @Nullable String nameOf(X509Certificate certificate) {
    String uri = null;
    String dns = null;
    for (List<?> entry : alternatives(certificate)) {
      if (entry.size() < 2 || !(entry.get(1) instanceof String name) || !isUsable(name)) {
        continue;
      }
      if (entry.get(0).equals(URI)) {
        if (name.startsWith(SPIFFE)) {
          return name;
        }
        uri = uri == null ? name : uri;
      } else if (entry.get(0).equals(DNS)) {
        dns = dns == null ? name : dns;
      }
    }
    if (uri != null || dns != null) {
      return uri == null ? dns : uri;
    }
    return commonName(certificate);
  }

  private static Collection<List<?>> alternatives(X509Certificate certificate) {
    try {
      Collection<List<?>> names = certificate.getSubjectAlternativeNames();
      return names == null ? List.of() : names;
    } catch (CertificateParsingException e) {
      return List.of();
    }
  }

  private static @Nullable String commonName(X509Certificate certificate) {
    try {
      var subject = new LdapName(certificate.getSubjectX500Principal().getName());
      for (Rdn part : subject.getRdns().reversed()) {
        if (part.getType().equalsIgnoreCase("CN")
            && part.getValue() instanceof String name
            && isUsable(name)) {
          return name;
        }
      }
      return null;
    } catch (InvalidNameException e) {
      return null;
    }
  }

  /** Names go into logs, records and metadata: printable ASCII, and not endless. */
  private static boolean isUsable(String name) {
    return !name.isBlank()
        && name.length() <= MAX_NAME
        && name.chars().allMatch(c -> c >= ' ' && c <= '~');
  }
}
