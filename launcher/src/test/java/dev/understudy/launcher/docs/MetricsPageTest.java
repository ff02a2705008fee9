package dev.understudy.launcher.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The page of metrics has those that the processes offer, and no other. */
class MetricsPageTest {

  private static final String ROUTER =
      "router/src/main/java/dev/understudy/router/stack/RouterGauges.java";
  private static final String TLS =
      "chassis/src/main/java/dev/understudy/chassis/security/TlsContexts.java";
  private static final String CONNECTIONS =
      "chassis/src/main/java/dev/understudy/chassis/connection/ConnectionMetrics.java";
  private static final String SERVER =
      "model-server/src/main/java/dev/understudy/modelserver/statistics/MetricsPage.java";
  private static final String COLLECTOR =
      "metrics-collector/src/main/java/dev/understudy/collector/dashboard/PrometheusText.java";
  private static final String INTAKE =
      "metrics-collector/src/main/java/dev/understudy/collector/intake/IntakeCount.java";
  private static final String OUTCOMES =
      "metrics-collector/src/main/java/dev/understudy/collector/outcomes/OutcomeCount.java";

  private static final String COMPARATOR =
      "shadow-comparator/src/main/java/dev/understudy/comparator/";

  private static final Pattern GAUGE = Pattern.compile("[gG]auge\\(\\s*meter,\\s*\"([a-z._]+)\"");
  private static final Pattern COUNTER = Pattern.compile("counter\\(\\s*meter,\\s*\"([a-z._]+)\"");
  private static final Pattern NV = Pattern.compile("\"(nv_[a-z_]+[a-z])\"");
  private static final Pattern DURATION = Pattern.compile("duration\\(\\s*\"([a-z_]+)\"");
  private static final Pattern WHOLE = Pattern.compile("\"(understudy_[a-z_]+[a-z])\"");
  private static final Pattern CONSTANT = Pattern.compile("(?m)^ {2}([A-Z_]+)[,;]?$");
  private static final Pattern COUNTED = Pattern.compile("(?m)^ {2}([A-Z_]+)\\(\"");
  private static final Pattern PRESENT =
      Pattern.compile("[gG]auge\\(\\s*[a-z.()]*meter[()]*,\\s*\"(comparator[a-z._]+)\"");
  private static final Pattern ROW = Pattern.compile("(?m)^\\| `([a-z_]+)` \\|");

  @Test
  void thePageHasEveryMetricOfEveryProcess() throws IOException {
    Set<String> offered = new TreeSet<>();
    for (String source : List.of(ROUTER, TLS, CONNECTIONS)) {
      String meters = Pages.source(source);
      Pages.matches(GAUGE, meters).forEach(name -> offered.add(name.replace('.', '_')));
      Pages.matches(COUNTER, meters)
          .forEach(name -> offered.add(name.replace('.', '_') + "_total"));
    }
    String server = Pages.source(SERVER);
    offered.addAll(Pages.matches(NV, server));
    offered.addAll(Pages.matches(WHOLE, server));
    Pages.matches(DURATION, server)
        .forEach(what -> offered.add("nv_inference_" + what + "_duration_us"));
    offered.addAll(Pages.matches(WHOLE, Pages.source(COLLECTOR)));
    for (String arm : List.of("assigned", "answered", "bad", "failed")) {
      offered.add("understudy_arm_requests_" + arm + "_total");
    }
    Pages.matches(CONSTANT, Pages.source(INTAKE))
        .forEach(count -> offered.add("understudy_collector_" + lower(count) + "_total"));
    Pages.matches(CONSTANT, Pages.source(OUTCOMES))
        .forEach(count -> offered.add("understudy_outcomes_" + lower(count) + "_total"));
    Pages.matches(COUNTED, Pages.source(COMPARATOR + "telemetry/Counter.java"))
        .forEach(count -> offered.add("comparator_" + lower(count) + "_total"));
    for (String where : List.of("Comparator.java", "intake/Intake.java")) {
      Pages.matches(PRESENT, Pages.source(COMPARATOR + where))
          .forEach(name -> offered.add(name.replace('.', '_')));
    }
    Set<String> told = new TreeSet<>(Pages.matches(ROW, Pages.text("metrics.md")));
    told.removeIf(name -> name.startsWith("jvm_"));
    assertTrue(offered.size() > 50, "metrics: " + offered);
    assertEquals(offered, told);
  }

  private static String lower(String constant) {
    return constant.toLowerCase(Locale.ROOT);
  }
}
