package dev.understudy.launcher.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.launcher.control.ControlConfig;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.rollout.plan.PlanFile;
import dev.understudy.router.config.RouterConfig;
import dev.understudy.router.upstream.Profile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The configurations that we show and ship can be read, by the classes that read them. */
class ConfigurationExamplesTest {
  private static final int MOST_LINES = 25;
  private static final Pattern BLOCK = Pattern.compile("(?s)```yaml\n(.*?)\n```");
  private static final Pattern NAME = Pattern.compile("^# ([a-z]+\\.yaml)\\b");
  private static final String SECRETS = "/run/secrets/understudy";
  private static final Pattern SECRET = Pattern.compile(SECRETS + "/([a-z-]+)");

  @TempDir Path folder;

  @Test
  void theBlocksOfTheReadmeAreRead() throws IOException {
    List<String> blocks = Pages.matches(BLOCK, Pages.source("README.md"));
    List<String> names =
        blocks.stream().flatMap(block -> Pages.matches(NAME, block).stream()).toList();
    assertEquals(List.of("router.yaml", "control.yaml", "router.yaml", "plan.yaml"), names);
    assertEquals(names.size(), blocks.size(), "every block says which file it is");
    for (int i = 0; i < blocks.size(); i++) {
      assertTrue(blocks.get(i).lines().count() <= MOST_LINES, names.get(i) + " is long");
      read(names.get(i), blocks.get(i));
    }
  }

  @Test
  void routerAndControlOfTheReadmeFindEachOther() throws IOException {
    List<String> blocks = Pages.matches(BLOCK, Pages.source("README.md"));
    ControlConfig control = control(blocks.get(1));
    RouterConfig router = RouterConfig.parse("router.yaml", blocks.get(2));
    assertEquals(control.controller().listen(), router.controller());
    assertEquals(control.comparator().listen(), router.evidence());
    assertEquals(control.collector().listen(), router.collector());
  }

  @Test
  void whatIsLeftOutFitsTogetherToo() throws IOException {
    ControlConfig control =
        control(
            """
            comparator: {state: a}
            controller: {state: b, models: {m: {champion: "1", fleets: {champion: ["h:1"]}}}}
            collector: {state: c}
            """);
    RouterConfig router = RouterConfig.parse("router.yaml", "controller: 127.0.0.1:8103\n");
    assertEquals(8001, router.listen().port());
    assertEquals(8091, router.admin().port());
    assertEquals(8101, control.comparator().listen().port());
    assertEquals(control.comparator().listen(), control.controller().evidenceOrDefault());
    assertEquals(8102, control.collector().listen().port());
    assertEquals(8080, control.collector().http().port());
    assertEquals(8103, control.controller().listen().port());
  }

  @Test
  void theConfigurationsOnKubernetesAreRead() throws IOException {
    RouterConfig router = RouterConfig.parse("router.yaml", withSecrets("router.yaml"));
    ControlConfig control = control(withSecrets("control.yaml"));
    String shown = Objects.requireNonNull(router.peers().token());
    assertEquals(control.controller().routerToken(), shown);
    assertEquals(control.comparator().routerToken(), shown);
    assertEquals(control.collector().routerToken(), shown);
    assertNotEquals(control.controller().token(), shown);
    assertNotEquals(control.controller().token(), router.token());
    Profile servers = Objects.requireNonNull(router.upstream().profiles().get(""));
    assertEquals(control.controller().serversToken(), servers.token());
    assertEquals(control.comparator().token(), control.controller().evidenceToken());
    assertEquals(control.controller().token(), control.collector().peerToken());
    assertFalse((router + " " + control).contains("token-of-"), "tokens are never shown");
  }

  @Test
  void aKeyThatNobodyReadsIsFound() {
    assertThrows(
        ConfigException.class, () -> read("router.yaml", "controller: 127.0.0.1:1\nlisen: h:1\n"));
  }

  private void read(String name, String text) throws IOException {
    switch (name) {
      case "router.yaml" -> assertEquals(8001, RouterConfig.parse(name, text).listen().port());
      case "control.yaml" -> assertFalse(control(text).controller().models().isEmpty());
      case "plan.yaml" -> {
        RolloutPlan plan = PlanFile.parse(name, text, model -> true);
        assertTrue(plan.getStepsCount() > 0, text);
      }
      default -> throw new IllegalArgumentException(name + " (expected: a file of a service)");
    }
  }

  private ControlConfig control(String text) throws IOException {
    return ControlConfig.read(Files.writeString(folder.resolve("control.yaml"), text));
  }

  /** A file of k8s/base/config whose secrets are where the test can put them. */
  private String withSecrets(String file) throws IOException {
    String text = Pages.source("k8s/base/config/" + file);
    for (String name : Pages.matches(SECRET, text)) {
      Files.writeString(folder.resolve(name), "token-of-" + name + "-0123456789");
    }
    return text.replace(SECRETS, folder.toString());
  }
}
