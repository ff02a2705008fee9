package dev.understudy.router.config;

import dev.understudy.chassis.config.Section;
import dev.understudy.proto.v1.Mirror;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.Role;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What of a static table is copied to whom. One shadow is written {@code shadow: {…, mirror: 10%}};
 * several, a mirrored control and a cap share {@code mirror: {share, mostPerSecond, timeout}}.
 */
final class MirrorSection {
  private MirrorSection() {}

  /** Adds arms and mirror to a route; returns whether there is a shadow. */
  static boolean read(Section section, ModelRoute.Builder route) {
    Map<String, Section> shadows = new LinkedHashMap<>();
    if (section.has("shadow")) {
      shadows.put("shadow", section.section("shadow"));
    }
    section
        .namedSections("shadows")
        .forEach((name, shadow) -> {
          if (shadows.putIfAbsent(name, shadow) != null || isTaken(name)) {
            section.problem("shadows", "'" + name + "' is the name of another arm");
          }
        });
    Section mirror = section.section("mirror");
    Mirror.Builder built =
        Mirror.newBuilder()
            .setFractionBp(StaticTable.basisPoints(mirror, "share"))
            .setMostPerSecond(mirror.real("mostPerSecond", 0, 0, 1e9))
            .setTimeoutMs(mirror.duration("timeout", Duration.ZERO).toMillis());
    // The one that was made above: each keeps by itself which of its keys were asked for.
    Section single = shadows.get("shadow");
    if (single != null && section.has("shadow")) {
      ofOne(single, mirror, built);
    }
    shadows.forEach((name, shadow) -> {
      route.addArms(StaticTable.arm(name, Role.SHADOW, shadow));
      built.addArms(name);
    });
    if (section.has("mirroredControl")) {
      route.addArms(
          StaticTable.arm(
              "mirrored-control", Role.MIRRORED_CONTROL, section.section("mirroredControl")));
      built.addArms("mirrored-control");
    }
    if (built.getArmsCount() == 0) {
      if (section.has("mirror")) {
        section.problem("mirror", "there is nobody to mirror to (expected: shadow or shadows)");
      }
      return false;
    }
    route.setMirror(built);
    return !shadows.isEmpty();
  }

  private static boolean isTaken(String name) {
    return switch (name) {
      case "champion", "canary", "control", "mirrored-control" -> true;
      default -> false;
    };
  }

  /** What a single shadow may say itself. */
  private static void ofOne(Section shadow, Section mirror, Mirror.Builder built) {
    if (shadow.has("mirror")) {
      built.setFractionBp(StaticTable.basisPoints(shadow, "mirror"));
      if (mirror.has("share")) {
        shadow.problem("mirror", "is said already (mirror.share)");
      }
    }
    if (shadow.has("timeout")) {
      built.setTimeoutMs(shadow.duration("timeout", Duration.ZERO).toMillis());
      if (mirror.has("timeout")) {
        shadow.problem("timeout", "is said already (mirror.timeout)");
      }
    }
  }
}
