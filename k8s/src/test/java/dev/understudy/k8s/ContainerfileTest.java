package dev.understudy.k8s;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** What can be known of an image without building it. */
class ContainerfileTest {
  private static final String DIST = "/src/launcher/target/dist/";

  private record Instruction(String name, String arguments) {
    List<String> words() {
      return List.of(arguments.split("\\s+", -1));
    }
  }

  private final List<Instruction> all = read(BaseTest.ROOT.resolve("Containerfile"));
  private final List<Instruction> last = lastStage(all);

  @Test
  void theImageHasAJreOnlyAndNotTheBuild() {
    assertEquals(2, all.stream().filter(i -> i.name().equals("FROM")).count());
    assertTrue(last.getFirst().arguments().matches(".*:25-jre"), last.getFirst()::arguments);
    assertTrue(all.getFirst().arguments().contains("temurin-25"), all.getFirst()::arguments);
  }

  @Test
  void everyBaseImageIsNamedInFullWithATag() {
    all.stream()
        .filter(i -> i.name().equals("FROM"))
        .map(i -> i.words().getFirst())
        .forEach(image -> assertTrue(image.matches("docker\\.io/.+:[^:]*\\d[^:]*"), image));
  }

  @Test
  void theUserIsTheOneOfTheManifestsAndNotRoot() {
    List<Instruction> users = last.stream().filter(i -> i.name().equals("USER")).toList();
    assertEquals("10001:10001", users.getLast().arguments());
    TypedModels.readAll(Kustomization.render(BaseTest.BASE))
        .workloads()
        .forEach(workload ->
            assertEquals(
                10001L, workload.template().getSpec().getSecurityContext().getRunAsUser()));
  }

  @Test
  void nothingReportsHome() {
    assertTrue(last.contains(new Instruction("ENV", "ORT_DISABLE_TELEMETRY=1")), last::toString);
  }

  @Test
  void whatItCopiesIsWhatTheBuildMakes() throws IOException {
    String launcher = Files.readString(BaseTest.ROOT.resolve("launcher/pom.xml"));
    List<String> copied = new ArrayList<>();
    for (Instruction copy : last.stream().filter(i -> i.name().equals("COPY")).toList()) {
      List<String> words = copy.words();
      if (words.getFirst().equals("--from=build")) {
        String part = words.get(1).substring(DIST.length());
        assertEquals(DIST + part, words.get(1));
        assertTrue(
            launcher.contains("<outputDirectory>${project.build.directory}/dist/" + part + "<"),
            part);
        copied.add(part);
      } else {
        assertTrue(Files.exists(BaseTest.ROOT.resolve(words.getFirst())), words::toString);
      }
    }
    assertEquals(List.of("native", "lib"), copied);
  }

  @Test
  void theBuildRunsTheGoalThatMakesTheDistribution() {
    String build =
        all.stream().filter(i -> i.name().equals("RUN")).map(Instruction::arguments).toList() + "";
    assertTrue(build.contains("mvn ") && build.contains(" package "), build);
    assertTrue(build.contains("-pl launcher -am"), build);
  }

  @Test
  void nothingThatTheBuildNeedsIsKeptFromIt() {
    List<String> ignored = Yaml.text(BaseTest.ROOT.resolve(".dockerignore")).lines().toList();
    for (String needed : List.of("pom.xml", "dev", "launcher", "proto", "LICENSE", "k8s")) {
      assertFalse(ignored.contains(needed), needed);
      assertTrue(Files.exists(BaseTest.ROOT.resolve(needed)), needed);
    }
    assertTrue(ignored.contains("**/target"), ignored::toString);
  }

  @Test
  void itStartsWhatTheLauncherScriptStarts() {
    List<String> entry = entrypoint();
    String script = Yaml.text(BaseTest.ROOT.resolve("understudy"));
    assertEquals("java", entry.getFirst());
    assertTrue(script.contains(" " + entry.getLast() + " \"$@\""), script);
    assertEquals("/opt/understudy/lib/*", entry.get(entry.indexOf("-cp") + 1));
    Stream.of(
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-Donnxruntime.native.path=",
            "-Dunderstudy.home=")
        .forEach(flag -> {
          assertTrue(script.contains(flag), flag);
          assertTrue(entry.stream().anyMatch(word -> word.startsWith(flag)), flag);
        });
    assertTrue(entry.contains("-Donnxruntime.native.path=/opt/understudy/native"));
  }

  @Test
  void theMainClassExists() throws IOException {
    Path sources = BaseTest.ROOT.resolve("launcher/src/main/java");
    try (Stream<Path> files = Files.walk(sources)) {
      Assumptions.assumeTrue(
          files.anyMatch(
              file -> file.toString().endsWith(".java") && !file.endsWith("package-info.java")),
          "the launcher has no classes yet");
    }
    String main = Objects.requireNonNull(entrypoint().getLast());
    assertTrue(Files.exists(sources.resolve(main.replace('.', '/') + ".java")), main);
  }

  private List<String> entrypoint() {
    String json =
        last.stream()
            .filter(i -> i.name().equals("ENTRYPOINT"))
            .findFirst()
            .orElseThrow()
            .arguments();
    // A JSON list of strings is a YAML document, too.
    return Yaml.list(Yaml.documents("ENTRYPOINT", "words: " + json).getFirst().get("words"))
        .stream()
        .map(String.class::cast)
        .toList();
  }

  private static List<Instruction> lastStage(List<Instruction> all) {
    int from = 0;
    for (int i = 0; i < all.size(); i++) {
      from = all.get(i).name().equals("FROM") ? i : from;
    }
    return all.subList(from, all.size());
  }

  private static List<Instruction> read(Path file) {
    return Yaml.text(file)
        .lines()
        .filter(line -> !line.isBlank() && !line.startsWith("#"))
        .map(line -> {
          int space = line.indexOf(' ');
          return new Instruction(line.substring(0, space), line.substring(space + 1).strip());
        })
        .toList();
  }
}
