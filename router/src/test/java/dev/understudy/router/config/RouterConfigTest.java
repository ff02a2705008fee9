package dev.understudy.router.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.router.patterns.PatternSettings;
import dev.understudy.router.upstream.Profile;
import dev.understudy.router.upstream.UpstreamSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
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
    assertNull(config.auth());
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
    assertNull(config.limits().everybody().whole().requests());
  }

  private static String problems(String text) {
    ConfigException e =
        assertThrows(ConfigException.class, () -> RouterConfig.parse("router.yaml", text));
    return String.join("\n", e.problems());
  }

  @Test
  void severalShadowsAndAMirroredControlShareAMirror() {
    RoutingTable table =
        RouterConfig.parse(
                "r",
                """
                models:
                  fraud:
                    champion: {version: "1", endpoints: [a:1]}
                    shadows:
                      next:   {version: "2", endpoints: [b:1]}
                      larger: {version: "3", endpoints: [c:1], model: fraud-large}
                    mirroredControl: {version: "1", endpoints: [d:1]}
                    mirror: {share: 10%, mostPerSecond: 50, timeout: 1s}
                """)
            .table();
    assertNotNull(table);
    ModelRoute route = table.getModels(0);
    assertEquals(1000, route.getMirror().getFractionBp());
    assertEquals(50.0, route.getMirror().getMostPerSecond());
    assertEquals(1000, route.getMirror().getTimeoutMs());
    assertEquals(List.of("next", "larger", "mirrored-control"), route.getMirror().getArmsList());
    assertEquals("fraud-large", route.getArms(2).getUpstreamModel());
    assertEquals(Role.MIRRORED_CONTROL, route.getArms(3).getRole());
    assertEquals("static-fraud", route.getRolloutId());
  }

  @Test
  void whatIsWrongWithAMirrorIsNamed() {
    String said =
        problems(
            """
            models:
              a:
                champion: {version: "1", endpoints: [a:1]}
                mirror: {share: 10%}
              b:
                champion: {version: "1", endpoints: [a:1]}
                shadow: {version: "2", endpoints: [b:1], mirror: 1%, timeout: 1s}
                shadows: {canary: {version: "3", endpoints: [c:1]}}
                mirror: {share: 10%, timeout: 2s, mostPerSecond: -1}
            """);
    assertTrue(said.contains("there is nobody to mirror to (expected: shadow or shadows)"), said);
    assertTrue(said.contains("'canary' is the name of another arm"), said);
    assertTrue(said.contains("is said already (mirror.share)"), said);
    assertTrue(said.contains("is said already (mirror.timeout)"), said);
    assertTrue(said.contains("mostPerSecond"), said);
  }

  @Test
  void whatWatchesIsOffUnlessConfigured() {
    RouterConfig config = RouterConfig.parse("r", "controller: 127.0.0.1:9000");
    assertNull(config.tracing());
    assertNull(config.accessLog());
    assertNull(config.patterns());
    assertEquals(
        PatternSettings.DEFAULT,
        RouterConfig.parse("r", "controller: 127.0.0.1:9000\npatterns: {watch: true}").patterns());
    assertNull(
        RouterConfig.parse("r", "controller: 127.0.0.1:9000\npatterns: {every: 2}").patterns());
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
  void rulesExperimentAndHoldOutOfAStaticTable() {
    String model =
        """
        models:
          m:
            champion: {version: "1", endpoints: ["h:1"]}
            rules:
              - {name: staff, headers: [{name: X-Team, anyOf: [ml, "7"]}], arm: canary}
            experiment: {layer: pricing, from: 0%, to: 50%}
            holdout: {name: h, share: 1%}
        """;
    RoutingTable table = RouterConfig.parse("router.yaml", model).table();
    assertNotNull(table);
    ModelRoute route = table.getModels(0);
    assertEquals(List.of("ml", "7"), route.getRules(0).getHeaders(0).getAnyOfList());
    assertEquals("x-team", route.getRules(0).getHeaders(0).getName());
    assertEquals(5000, route.getEligibility().getToBp());
    assertEquals(100, route.getHoldout().getShareBp());
    assertEquals(
        "router.yaml:4: models.m.rules: rule 'staff' names arm 'shadow' (expected: an arm that"
            + " answers: champion, canary or control)",
        problems(model.replace("arm: canary", "arm: shadow")));
    assertEquals(
        "router.yaml:4: models.m.rules: [0].arm: missing\n"
            + "router.yaml:4: models.m.rules: [0].amr: unknown key (expected: one of [arm, headers,"
            + " name, principals])",
        problems(model.replace("arm: canary", "amr: canary")));
  }

  @Test
  void backendsAreReachedByProfilesAndNames() throws Exception {
    Files.writeString(folder.resolve("token"), "0123456789abcdef-triton");
    Path file =
        Files.writeString(
            folder.resolve("router.yaml"),
            """
            upstream: {dns: {refresh: 2s}, health: {check: model}, retries: {share: 5%}}
            upstreams:
              triton: {authority: triton.local, tokenFile: token, messageBytes: 1MiB}
            passThrough: {endpoints: ["dns:///rest:8001"], profile: triton}
            models:
              m:
                champion: {version: "1", endpoints: ["dns:///m:8001", "[::1]:2"], profile: triton, upstreamVersion: "-"}
                hedging: {delay: 20ms, budget: 3%}
            """);
    RouterConfig config = RouterConfig.read(file);
    Profile triton = Objects.requireNonNull(config.upstream().profiles().get("triton"));
    assertEquals("triton.local", triton.authority());
    assertEquals("0123456789abcdef-triton", triton.token());
    assertEquals(1 << 20, triton.messageBytes());
    UpstreamSettings settings = config.upstream().settings();
    assertEquals(Duration.ofSeconds(2), settings.dnsRefresh());
    assertEquals(UpstreamSettings.Check.MODEL, settings.health().check());
    assertEquals(500, settings.retries().shareBp());
    assertEquals(UpstreamSettings.DEFAULT.outliers(), settings.outliers());
    RoutingTable table = Objects.requireNonNull(config.table());
    assertEquals("triton", table.getPassThrough().getProfile());
    assertEquals("dns:///rest:8001", table.getPassThrough().getEndpoints(0));
    ModelRoute route = table.getModels(0);
    assertEquals(List.of("dns:///m:8001", "[::1]:2"), route.getArms(0).getEndpointsList());
    assertEquals("-", route.getArms(0).getUpstreamVersion());
    assertEquals(20, route.getHedging().getDelayMs());
    assertEquals(300, route.getHedging().getBudgetBp());
  }

  @Test
  void whatIsWrongWithBackendsIsNamedToo() {
    String said =
        problems(
            """
            upstream: {dns: {refresh: 0s}, health: {check: http}, outliers: {peers: 2}}
            upstreams: {a: {authority: "two words"}}
            passThrough: {endpoints: ["http://h:1"]}
            models: {m: {champion: {version: "1", endpoints: ["h:1"], profile: b}}}
            """);
    for (String expected :
        List.of(
            "upstream.dns.refresh: PT0S (expected: at least 1ms)",
            "upstream.health.check: 'http' (expected: one of",
            "upstream.outliers.peers: '2' (expected: 3..1000)",
            "upstreams.a.authority: 'two words' (expected: a host name, or host:port)",
            "passThrough.endpoints: 'http://h:1' (expected: host:port or dns:///name:port)",
            "passThrough.endpoints: pass-through has no endpoints",
            "model 'm' arm 'champion' has profile 'b' (expected: one of [, a], as in")) {
      assertTrue(said.contains(expected), expected + "\nin\n" + said);
    }
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
            auth: {keys: keys, secret: secret, others: {models: ["*"]}}
            """);
    RouterConfig config = RouterConfig.read(file);
    assertEquals("0123456789abcdef-admin", config.token());
    assertEquals("0123456789abcdef-peers", config.peers().token());
    assertEquals(
        "0123456789abcdef-upstream",
        Objects.requireNonNull(config.upstream().profiles().get("")).token());
    String shown = config + " " + config.peers() + " " + config.upstream();
    assertFalse(shown.contains("0123456789abcdef"), shown);
  }
}
