package dev.understudy.router.upstream;

import dev.understudy.chassis.config.Section;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.security.Tls;
import dev.understudy.chassis.security.Tokens;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A named way to connect to backends; an arm says which. The default one has the empty name.
 *
 * @param tls null for plaintext
 * @param authority what backends are told they are called, and must prove by their certificate;
 *     null for the name in the endpoint
 * @param token what backends are presented; null for nothing
 * @param messageBytes the largest answer
 */
public record Profile(
    @Nullable Tls tls, @Nullable String authority, @Nullable String token, int messageBytes) {

  /**
   * Reads {@code upstreams:}.
   *
   * @param standard the default profile, which lends its bound on messages
   * @return all by name, the default one included
   */
  public static Map<String, Profile> read(Map<String, Section> sections, Profile standard) {
    Map<String, Profile> profiles = new LinkedHashMap<>();
    profiles.put("", standard);
    sections.forEach((name, section) ->
        profiles.put(
            name,
            new Profile(
                Tls.read(section.section("tls")),
                authority(section),
                Tokens.token(section, "tokenFile"),
                Math.clamp(
                    section.bytes("messageBytes", standard.messageBytes), 1, Integer.MAX_VALUE))));
    return Map.copyOf(profiles);
  }

  /** The same ways, for answers that are at most so large. */
  public static Map<String, Profile> bounded(Map<String, Profile> profiles, int messageBytes) {
    Map<String, Profile> bounded = new LinkedHashMap<>();
    profiles.forEach((name, profile) ->
        bounded.put(
            name,
            new Profile(
                profile.tls,
                profile.authority,
                profile.token,
                Math.min(profile.messageBytes, messageBytes))));
    return Map.copyOf(bounded);
  }

  private static @Nullable String authority(Section section) {
    String authority = section.optionalString("authority");
    if (authority != null
        && (authority.isEmpty() || authority.chars().anyMatch(c -> c <= ' ' || c > '~'))) {
      section.problem("authority", "'" + authority + "' (expected: a host name, or host:port)");
      return null;
    }
    return authority;
  }

  ChannelOptions options() {
    return ChannelOptions.plaintext()
        .withTls(tls)
        .withToken(token)
        .withAuthority(authority)
        .withMaxMessageBytes(messageBytes);
  }

  @Override
  public String toString() {
    // Without the token.
    return "Profile[tls="
        + (tls != null)
        + ", authority="
        + authority
        + ", token="
        + (token != null)
        + ", messageBytes="
        + messageBytes
        + "]";
  }
}
