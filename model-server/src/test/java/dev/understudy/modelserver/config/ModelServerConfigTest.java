package dev.understudy.modelserver.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.HostPort;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelServerConfigTest {
  @TempDir Path folder;

  @Test
  void theDefaultsAreTritons() {
    ModelServerConfig config = parse();
    assertEquals(List.of(folder), config.repositories());
    assertEquals(HostPort.loopback(8001), config.grpc());
    assertEquals(HostPort.loopback(8002), config.metrics());
    assertEquals(Duration.ofSeconds(30), config.exitTimeout());
    assertEquals(Duration.ofSeconds(2), config.drainWindow());
    assertTrue(config.strictReadiness());
    assertEquals("understudy", config.serverName());
    assertNull(config.token());
    assertNull(config.tls());
  }

  @Test
  void everyFlagIsRead() throws Exception {
    Path token = folder.resolve("token");
    Files.writeString(token, "0123456789abcdef\n");
    ModelServerConfig config =
        parse(
            "--grpc-port=9001",
            "--grpc-address",
            "0.0.0.0",
            "--metrics-port=0",
            "--metrics-address=localhost",
            "--model-control-mode=explicit",
            "--load-model",
            "a",
            "--load-model=b",
            "--exit-timeout-secs=5",
            "--drain-window-secs=1",
            "--strict-readiness=false",
            "--server-name=triton",
            "--node=machine-7",
            "--max-message-bytes=2048",
            "--ready-file=r",
            "--log-level=debug",
            "--token-file=" + token,
            "--tls-cert=c",
            "--tls-key=k",
            "--tls-client-ca=ca");
    assertEquals(new HostPort("0.0.0.0", 9001), config.grpc());
    assertEquals(new HostPort("localhost", 0), config.metrics());
    assertTrue(config.explicit());
    assertEquals(List.of("a", "b"), config.loadModels());
    assertEquals(Duration.ofSeconds(5), config.exitTimeout());
    assertEquals(Duration.ofSeconds(1), config.drainWindow());
    assertEquals("triton", config.serverName());
    assertEquals("machine-7", config.node());
    assertEquals(2048, config.maxMessageBytes());
    assertEquals("0123456789abcdef", config.token());
    assertTrue(config.toString().contains("tls=true"));
    assertTrue(!config.toString().contains("0123456789abcdef"), "no secret in texts");
    assertNull(parse("--allow-metrics=false").metrics());
  }

  @Test
  void everyProblemIsReportedAtOnceWithAHint() {
    List<String> problems =
        problems(
            "--grpc-prot=1",
            "--grpc-port=70000",
            "--http-port=8000",
            "--backend-config=x",
            "--model-control-mode=poll",
            "--load-model=a",
            "--strict-readiness=perhaps",
            "--tls-cert=c",
            "stray",
            "--node=" + "n".repeat(254),
            "--metrics-port");
    expect(problems, "unknown flag --grpc-prot (did you mean --grpc-port?)");
    expect(problems, "--grpc-port: '70000' (expected: 0..65535)");
    expect(problems, "--http-port: this server speaks gRPC only");
    expect(problems, "--backend-config: a flag of Triton's that this server does not support");
    expect(problems, "poll is not supported");
    expect(problems, "--load-model needs --model-control-mode=explicit");
    expect(problems, "--strict-readiness: 'perhaps'");
    expect(problems, "--tls-cert and --tls-key go together");
    expect(problems, "unexpected word 'stray'");
    expect(problems, "--node: 254 characters (expected: at most 253)");
    expect(problems, "--metrics-port lacks its value");
  }

  @Test
  void aRepositoryIsNeededAndMustExist() {
    var e = assertThrows(ConfigException.class, ModelServerConfig::parse);
    assertEquals(
        List.of("--model-repository is missing (expected: --model-repository DIR)"), e.problems());
    assertTrue(
        assertThrows(
                ConfigException.class,
                () -> ModelServerConfig.parse("--model-repository=/no/such/folder"))
            .problems()
            .getFirst()
            .contains("'/no/such/folder' is not a folder"));
  }

  @Test
  void theHelpNamesEveryFlag() {
    ModelServerConfig.flags().stream()
        .filter(flag -> !List.of("--model-store", "--allow-grpc", "--allow-http").contains(flag))
        .forEach(flag -> assertTrue(ModelServerConfig.usage().contains(flag), flag));
  }

  private static void expect(List<String> problems, String part) {
    assertTrue(problems.stream().anyMatch(p -> p.contains(part)), problems + " lacks " + part);
  }

  private ModelServerConfig parse(String... flags) {
    List<String> words = new ArrayList<>(List.of("--model-repository", folder.toString()));
    words.addAll(List.of(flags));
    return ModelServerConfig.parse(words.toArray(String[]::new));
  }

  private List<String> problems(String... flags) {
    return assertThrows(ConfigException.class, () -> parse(flags)).problems();
  }
}
