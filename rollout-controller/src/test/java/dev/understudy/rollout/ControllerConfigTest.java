package dev.understudy.rollout;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.ConfigFile;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.proto.v1.LineageOverflow;
import dev.understudy.rollout.routing.ModelConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ControllerConfigTest {
  @TempDir Path directory;

  private static ControllerConfig parse(String yaml) {
    return ConfigFile.parse("controller.yaml", yaml, Map.of(), ControllerConfig::read);
  }

  @Test
  void defaults() {
    ControllerConfig config =
        parse("{state: s, models: {m: {champion: 1, fleets: {champion: ['127.0.0.1:8001']}}}}");
    assertEquals(HostPort.loopback(8103), config.listen());
    assertEquals(HostPort.loopback(8101), config.evidenceOrDefault());
    assertEquals(Duration.ofMinutes(1), config.lease());
    assertEquals(Duration.ofSeconds(15), config.staleAfter());
    ModelConfig model = Objects.requireNonNull(config.models().get("m"));
    assertNull(model.repository());
    assertEquals(LineageOverflow.LINEAGE_DROP, model.lineage());
    assertEquals(10_000, model.payloadSampleBp());
    assertTrue(model.challengerFleet().isEmpty());
  }

  @Test
  void everyKey() throws Exception {
    Path contract = directory.resolve("contract.yaml");
    Files.writeString(contract, "contract: m/1\ndecision: {output: p, kind: labels}\n");
    Path token = directory.resolve("token");
    Files.writeString(token, "0123456789abcdef");
    Path routers = Files.writeString(directory.resolve("routers"), "fedcba9876543210");
    ControllerConfig config =
        parse(
            """
            listen: 0.0.0.0:1
            state: s
            evidence: 127.0.0.1:2
            lease: 20s
            staleAfter: 30s
            loadTimeout: 5m
            tokenFile: %s
            routerTokenFile: %s
            evidenceSecurity: {tokenFile: %s}
            serversSecurity: {tokenFile: %s}
            models:
              m:
                repository: /models
                contract: %s
                champion: "3"
                fleets: {champion: ["h:1"], challenger: ["h:2", "h:3"], control: ["h:4"]}
                tryTimeout: 250ms
                lineage: refuse
                payloads: 5%%
                rules: [{name: staff, principals: [alice], arm: canary}]
                experiment: {layer: pricing, from: 50%%, to: 1}
                holdout: {name: h, share: 0.5%%}
                benchmark: {version: "1", model: scorecard, fleet: ["h:5"]}
            """
                .formatted(token, routers, token, token, contract));
    assertEquals(Duration.ofSeconds(20), config.lease());
    assertEquals("0123456789abcdef", config.token());
    assertEquals("fedcba9876543210", config.routerToken());
    assertEquals(config.token(), config.evidenceToken());
    assertTrue(
        !config.toString().matches(".*(0123456789abcdef|fedcba9876543210).*"), "no token in a log");
    ModelConfig model = Objects.requireNonNull(config.models().get("m"));
    assertEquals("m/1", model.contract().getName());
    assertEquals(2, model.challengerFleet().size());
    assertEquals(250, model.tryTimeoutMillis());
    assertEquals(LineageOverflow.LINEAGE_REFUSE, model.lineage());
    assertEquals(500, model.payloadSampleBp());
    assertEquals("staff", model.standing().getRules(0).getName());
    assertEquals(5_000, model.standing().getEligibility().getFromBp());
    assertEquals(50, model.standing().getHoldout().getShareBp());
    assertEquals(
        new ModelConfig.Benchmark("1", "scorecard", List.of(HostPort.parse("h:5"))),
        model.benchmark());
  }

  @Test
  void aContractThatAsksABenchmarkNeedsOne() throws Exception {
    Path contract = directory.resolve("asking.yaml");
    Files.writeString(
        contract,
        "contract: m/1\ndecision: {output: p, kind: labels}\nanswers: {disagree: {above: 0.5}}\n");
    String yaml =
        "{state: s, models: {m: {champion: 1, contract: "
            + contract
            + ", fleets: {champion: ['h:1']}%s}}}";
    List<String> problems =
        assertThrows(ConfigException.class, () -> parse(yaml.formatted(""))).problems();
    assertEquals(1, problems.size());
    assertTrue(
        problems
            .getFirst()
            .endsWith("models.m.benchmark: missing (expected: the contract asks a benchmark)"),
        problems::toString);
    assertThrows(
        ConfigException.class,
        () -> parse(yaml.formatted(", benchmark: {version: newest, fleet: []}")));
    ModelConfig model =
        Objects.requireNonNull(
            parse(yaml.formatted(", benchmark: {version: 2, fleet: ['h:2']}")).models().get("m"));
    assertEquals("2", Objects.requireNonNull(model.benchmark()).version());
  }

  @Test
  void everythingWrongAtOnce() {
    List<String> problems =
        assertThrows(
                ConfigException.class,
                () ->
                    parse(
                        """
                        listen: 0.0.0.0:9300
                        state: s
                        lease: 10ms
                        models:
                          m:
                            champion: newest
                            contract: /nowhere.yaml
                            fleets: {challenger: ["no port"]}
                            rules: [{name: all, arm: canary}]
                        passThrough: {endpoints: ["rest:0x", "dns:///rest"]}
                        leese: 1s
                        """))
            .problems();
    for (String expected :
        List.of(
            "off loopback nothing starts",
            "passThrough.endpoints: 'rest:0x' (expected: host:port",
            "passThrough.endpoints: 'rest' (expected: host:port",
            "passThrough.endpoints: no server (expected: at least one host:port)",
            "lease: 10 ms",
            "champion: 'newest'",
            "cannot be read",
            "no server",
            "'no port'",
            "models.m.rules: rule 'all' matches every call",
            "leese: unknown key")) {
      assertTrue(problems.stream().anyMatch(p -> p.contains(expected)), expected + problems);
    }
  }
}
