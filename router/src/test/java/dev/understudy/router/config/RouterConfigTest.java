package dev.understudy.router.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.RoutingTable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RouterConfigTest {
  private static final String IN_FRONT_OF_TRITON =
      """
      listen: 127.0.0.1:8001
      models:
        fraud-detector:
          contract: contract.yaml
          champion: {version: "1", endpoints: [127.0.0.1:8011]}
          canary:   {version: "2", endpoints: [127.0.0.1:8012], weight: 10%}
          control:  {version: "1", endpoints: [127.0.0.1:8013], weight: 10%}
          shadow:   {version: "2", endpoints: [127.0.0.1:8012], mirror: 100%}
      """;

  @TempDir Path folder;

  @Test
  void aRouterInFrontOfTritonNeedsNineLines() throws Exception {
    Files.writeString(
        folder.resolve("contract.yaml"),
        "contract: fraud/1\nfeatures: {input: x, columns: [{name: amount}]}\n");
    Path file = Files.writeString(folder.resolve("router.yaml"), IN_FRONT_OF_TRITON);
    RouterConfig config = RouterConfig.read(file);
    RoutingTable table = config.table();
    assertNotNull(table);
    ModelRoute route = table.getModels(0);
    assertEquals("fraud-detector", route.getModel());
    assertEquals(1000, route.getCanaryWeightBp());
    assertEquals(1000, route.getControlWeightBp());
    assertEquals(10_000, route.getMirror().getFractionBp());
    assertEquals(4, route.getArmsCount());
    assertEquals("fraud/1", route.getContract().getName());
    assertEquals(64, route.getContract().getDigest().length());
    assertEquals(8091, config.admin().port());
    assertNull(config.keys());
  }

  @Test
  void aContractThatAsksABenchmarkNeedsOne() throws Exception {
    Files.writeString(
        folder.resolve("contract.yaml"),
        """
        contract: m/1
        decision: {output: p, kind: labels}
        answers: {disagree: {above: 0.5}}
        """);
    String models =
        """
        listen: 127.0.0.1:8001
        models:
          m:
            contract: contract.yaml
            champion: {version: "1", endpoints: [127.0.0.1:8011]}
        """;
    Path file = folder.resolve("router.yaml");
    Files.writeString(file, models);
    List<String> problems =
        assertThrows(ConfigException.class, () -> RouterConfig.read(file)).problems();
    assertEquals(1, problems.size());
    assertTrue(
        problems
            .getFirst()
            .endsWith(
                "models.m.champion: model 'm' has a contract that asks a benchmark, but no arm of"
                    + " role BENCHMARK"),
        problems::toString);
    Files.writeString(
        file,
        models
            + "    benchmark: {version: \"7\", endpoints: [127.0.0.1:8019], model: scorecard}\n");
    RoutingTable table = RouterConfig.read(file).table();
    assertNotNull(table);
    assertEquals("scorecard", table.getModels(0).getArms(1).getUpstreamModel());
  }

  @Test
  void defaultsAreTheDocumentedOnes() {
    RouterConfig config = RouterConfig.parse("r", "controller: 127.0.0.1:9000");
    assertEquals(Duration.ofSeconds(5), config.upstream().tryTimeout());
    assertEquals(2000, config.upstream().failoverBp());
    assertEquals(256, config.upstream().failoverBurst());
    assertEquals(4096, config.limits().concurrentCalls());
    assertEquals(900, config.queues().blocks());
    assertEquals(256, config.mirror().copies());
    assertEquals(Duration.ofSeconds(10), config.histogramInterval());
    assertNull(config.limits().quota());
  }

  private static String problems(String text) {
    ConfigException e =
        assertThrows(ConfigException.class, () -> RouterConfig.parse("router.yaml", text));
    return String.join("\n", e.problems());
  }

  @Test
  void whatIsWrongIsNamedWithItsKey() {
    String said =
        problems(
            """
            controller: 127.0.0.1:9000
            limits: {concurentCalls: 5}
            upstream: {tryTimeout: 5}
            """);
    assertTrue(said.contains("limits.concurentCalls"), said);
    assertTrue(said.contains("upstream.tryTimeout"), said);
  }

  @Test
  void exactlyOneSourceOfTables() {
    assertTrue(problems("name: r").contains("expected exactly one of"), "none");
    assertTrue(
        problems("controller: 127.0.0.1:1\n" + IN_FRONT_OF_TRITON)
            .contains("expected exactly one of"),
        "both");
  }

  @Test
  void aTableThatCannotWorkIsRefusedBeforeAnythingStarts() {
    assertTrue(
        problems("models: {m: {champion: {version: latest, endpoints: [127.0.0.1:1]}}}")
            .contains("asks for version 'latest'"));
    assertTrue(problems("models: {m: {champion: {version: \"1\"}}}").contains("has no endpoints"));
    assertTrue(
        problems(
                "models: {m: {champion: {version: \"1\", endpoints: [h:1]}, canary: {version:"
                    + " \"2\", endpoints: [h:2], weight: 70%}, control: {version: \"1\","
                    + " endpoints: [h:3], weight: 40%}}}")
            .contains("gives away 11000/10000"));
    assertTrue(problems("models: {m: {}}").contains("champion: missing"));
  }

  @Test
  void offLoopbackNothingStartsUnprotected() {
    for (String key : List.of("listen", "admin", "metrics")) {
      String said = problems("controller: 127.0.0.1:1\n" + key + ": 0.0.0.0:8001\n");
      assertTrue(
          said.contains(key + ": 0.0.0.0:8001: off loopback nothing starts without TLS or a token"),
          said);
      assertEquals(1, said.lines().count(), said);
    }
  }

  @Test
  void everyProblemIsOneOfItsKeyAndNoKeyIsUnknownForIt() {
    String said =
        problems(
            """
            controller: 127.0.0.1:1
            listen: 0.0.0.0:8001
            tokenFile: absent
            peers: {tokenFile: absent-too}
            upstream: {tokenFile: absent-as-well}
            evidence: 127.0.0.1:2
            limits: {burst: 5, requestsPerSecond: 1}
            """);
    assertEquals(4, said.lines().count(), said);
    for (String problem :
        List.of("listen: ", "tokenFile: ", "peers.tokenFile: ", "upstream.tokenFile: ")) {
      assertTrue(said.contains(" " + problem) || said.contains(":" + problem), problem + said);
    }
    assertFalse(said.contains("unknown"), said);
  }

  @Test
  void apiKeysProtectInferenceAndEachTokenHasOneUse() throws Exception {
    for (String name : List.of("admin", "peers", "upstream", "secret")) {
      Files.writeString(folder.resolve(name), "0123456789abcdef-" + name);
    }
    Path file =
        Files.writeString(
            folder.resolve("router.yaml"),
            """
            controller: 127.0.0.1:1
            listen: 0.0.0.0:8001
            admin: 0.0.0.0:8091
            metrics: 0.0.0.0:9001
            tokenFile: admin
            peers: {tokenFile: peers}
            upstream: {tokenFile: upstream}
            auth: {keys: keys, secret: secret}
            """);
    RouterConfig config = RouterConfig.read(file);
    assertEquals("0123456789abcdef-admin", config.token());
    assertEquals("0123456789abcdef-peers", config.peers().token());
    assertEquals("0123456789abcdef-upstream", config.upstream().token());
    String shown = config + " " + config.peers() + " " + config.upstream();
    assertFalse(shown.contains("0123456789abcdef"), shown);
  }
}
