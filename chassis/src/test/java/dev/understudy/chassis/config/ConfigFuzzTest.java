package dev.understudy.chassis.config;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.time.Duration;
import java.util.Map;

/** Whatever a file holds, reading it yields a value or a list of problems. */
class ConfigFuzzTest {
  @FuzzTest(maxDuration = "60s")
  void anyTextIsReadOrRefused(FuzzedDataProvider data) {
    String text = data.consumeRemainingAsString();
    try {
      ConfigFile.parse(
          "fuzz.yaml",
          text,
          Map.of("HOME", "/root"),
          root -> {
            root.retired("old", "use name");
            root.string("name");
            root.optionalPath("path");
            root.strings("tags");
            root.reals("steps");
            root.stringMap("labels");
            root.address("listen", HostPort.loopback(0));
            root.namedSections("models").values().forEach(ConfigFuzzTest::readNumbers);
            root.sections("arms").forEach(ConfigFuzzTest::readNumbers);
            return root.path();
          });
    } catch (ConfigException refused) {
      if (refused.problems().stream().anyMatch(problem -> !problem.startsWith("fuzz.yaml:"))) {
        throw new AssertionError("a problem without its place", refused);
      }
    }
  }

  private static void readNumbers(Section section) {
    section.integer("threads", 1, 0, 9);
    section.real("rate", 1, -1e9, 1e9);
    section.ratio("share", 0.5);
    section.flag("fast", false);
    section.duration("timeout", Duration.ZERO);
    section.bytes("size", 0);
  }
}
