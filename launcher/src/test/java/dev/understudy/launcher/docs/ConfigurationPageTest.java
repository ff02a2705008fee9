package dev.understudy.launcher.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The page of keys and flags has those that the code reads, and no other. */
class ConfigurationPageTest {

  private static final List<String> READERS =
      List.of(
          "router/src/main/java/dev/understudy/router/config/RouterConfig.java",
          "router/src/main/java/dev/understudy/router/config/AuthConfig.java",
          "router/src/main/java/dev/understudy/router/config/StaticTable.java",
          "router/src/main/java/dev/understudy/router/admission/LimitSettings.java",
          "router/src/main/java/dev/understudy/router/admission/PrincipalLimits.java",
          "router/src/main/java/dev/understudy/router/admission/CriticalitySettings.java",
          "router/src/main/java/dev/understudy/router/admission/Quota.java",
          "router/src/main/java/dev/understudy/router/overload/GradientSettings.java",
          "router/src/main/java/dev/understudy/router/config/MirrorSection.java",
          "router/src/main/java/dev/understudy/router/accesslog/AccessLogSettings.java",
          "router/src/main/java/dev/understudy/router/patterns/PatternSettings.java",
          "chassis/src/main/java/dev/understudy/chassis/telemetry/TracingSettings.java",
          "router/src/main/java/dev/understudy/router/upstream/UpstreamSettings.java",
          "router/src/main/java/dev/understudy/router/upstream/Profile.java",
          "shadow-comparator/src/main/java/dev/understudy/comparator/config/ComparatorConfig.java",
          "metrics-collector/src/main/java/dev/understudy/collector/CollectorConfig.java",
          "rollout-controller/src/main/java/dev/understudy/rollout/ControllerConfig.java",
          "rollout-controller/src/main/java/dev/understudy/rollout/plan/PlanFile.java",
          "rollout-controller/src/main/java/dev/understudy/rollout/plan/Metrics.java",
          "chassis/src/main/java/dev/understudy/chassis/connection/ConnectionLimits.java",
          "chassis/src/main/java/dev/understudy/chassis/security/Tls.java",
          "proto/src/main/java/dev/understudy/proto/contract/ContractFile.java",
          "proto/src/main/java/dev/understudy/proto/contract/FeatureRules.java",
          "proto/src/main/java/dev/understudy/proto/contract/AnswerRules.java",
          "proto/src/main/java/dev/understudy/proto/routing/SplitFile.java");
  private static final String FLAGS =
      "model-server/src/main/java/dev/understudy/modelserver/config/ModelServerConfig.java";

  /** A method that reads a key, perhaps of a section that comes first. */
  private static final Pattern READS =
      Pattern.compile(
          "\\b(?:string|optionalString|integer|longInteger|real|ratio|flag|duration|bytes|choice"
              + "|address|optionalAddress|path|optionalPath|strings|section|sections|namedSections"
              + "|has|isScalar|text|number|numbers|texts|index|basisPoints|probability|queue|fleet"
              + "|token|tolerance|apply|any|within|millis)\\(\\s*(?:\\w+,\\s*)?\"([a-z][A-Za-z]*)\"");

  private static final Pattern IN_BACKTICKS = Pattern.compile("`([^`\\n]+)`");
  private static final Pattern KEY = Pattern.compile("(?<![-\\w])([a-z][A-Za-z]*)(?![-\\w])");
  private static final Pattern FIRST_CELL = Pattern.compile("(?m)^\\| (`[^|]*) \\|");
  private static final Pattern FLAG = Pattern.compile("(--[a-z][a-z-]+)");
  private static final Pattern KNOWN = Pattern.compile("(?s)KNOWN =(.*?);");
  private static final Pattern SWITCHES = Pattern.compile("(?s)SWITCHES =(.*?);");

  @Test
  void everyKeyThatIsReadIsOnThePage() throws IOException {
    Set<String> missing = new TreeSet<>(read());
    for (String span : Pages.matches(IN_BACKTICKS, Pages.text("configuration.md"))) {
      Pages.matches(KEY, span).forEach(missing::remove);
    }
    assertEquals(Set.of(), missing);
  }

  @Test
  void everyKeyOnThePageIsRead() throws IOException {
    Set<String> read = read();
    Set<String> invented = new TreeSet<>();
    for (String cell : Pages.matches(FIRST_CELL, Pages.text("configuration.md"))) {
      for (String span : Pages.matches(IN_BACKTICKS, cell)) {
        if (!span.startsWith("--")) {
          Pages.matches(KEY, span).stream()
              .filter(key -> !read.contains(key))
              .forEach(invented::add);
        }
      }
    }
    assertEquals(Set.of(), invented);
  }

  @Test
  void theFlagsOfTheModelServerAreThose() throws IOException {
    String source = Pages.source(FLAGS);
    Set<String> known = new TreeSet<>();
    Pages.matches(KNOWN, source).forEach(part -> known.addAll(Pages.matches(FLAG, part)));
    Pages.matches(SWITCHES, source).forEach(part -> known.addAll(Pages.matches(FLAG, part)));
    String page = Pages.text("configuration.md");
    Set<String> told =
        new TreeSet<>(Pages.matches(FLAG, page.substring(page.indexOf("## model-server"))));
    told.remove("--flag");
    assertTrue(known.size() > 10, "flags: " + known);
    assertEquals(known, told);
  }

  private static Set<String> read() throws IOException {
    Set<String> keys = new TreeSet<>();
    for (String reader : READERS) {
      List<String> found = Pages.matches(READS, Pages.source(reader));
      assertTrue(found.size() > 3, reader + " reads " + found);
      keys.addAll(found);
    }
    return keys;
  }
}
