package dev.understudy.chassis.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigFileTest {
  enum Mode {
    CHAMPION_ONLY,
    HOLD
  }

  record Limits(double rate, long burst, double share) {
    static Limits read(Section section) {
      return new Limits(
          section.real("rate", 100, 0, 1e6),
          section.longInteger("burst", 10, 1, 1_000_000),
          section.ratio("share", 0.05));
    }
  }

  record Store(
      String name,
      @Nullable String note,
      int threads,
      boolean fast,
      Duration timeout,
      long maxMessage,
      Mode mode,
      HostPort listen,
      @Nullable Path keys,
      List<String> tags,
      List<Double> steps,
      Map<String, String> labels,
      Limits limits,
      List<Limits> more,
      Map<String, Limits> byName) {
    static Store read(Section root) {
      root.retired("workers", "use threads");
      return new Store(
          root.string("name", "store"),
          root.optionalString("note"),
          root.integer("threads", 2, 1, 64),
          root.flag("fast", false),
          root.duration("timeout", Duration.ofSeconds(1)),
          root.bytes("maxMessage", 64 << 20),
          root.choice("mode", Mode.class, Mode.HOLD),
          root.address("listen", HostPort.loopback(0)),
          root.optionalPath("keys"),
          root.strings("tags"),
          root.reals("steps"),
          root.stringMap("labels"),
          Limits.read(root.section("limits")),
          root.sections("more").stream().map(Limits::read).toList(),
          root.namedSections("byName").entrySet().stream()
              .collect(
                  java.util.stream.Collectors.toMap(
                      Map.Entry::getKey, e -> Limits.read(e.getValue()))));
    }
  }

  private static final Store DEFAULTS =
      new Store(
          "store",
          null,
          2,
          false,
          Duration.ofSeconds(1),
          64 << 20,
          Mode.HOLD,
          new HostPort("127.0.0.1", 0),
          null,
          List.of(),
          List.of(),
          Map.of(),
          new Limits(100, 10, 0.05),
          List.of(),
          Map.of());

  private static Store parse(String text) {
    return ConfigFile.parse("store.yaml", text, Map.of(), Store::read);
  }

  private static List<String> problems(String text, Function<Section, ?> reader) {
    return assertThrows(
            ConfigException.class,
            () -> ConfigFile.parse("store.yaml", text, Map.of(), s -> List.of(reader.apply(s))))
        .problems();
  }

  @Test
  void everyKeyHasItsDefault() {
    assertEquals(DEFAULTS, parse(""));
    assertEquals(DEFAULTS, parse("# only a comment\n"));
    assertEquals(DEFAULTS, parse("name:\nlimits:\n  rate:\n"));
  }

  @Test
  void aTreeIsWhatStandsThereAsTexts() {
    Object tree =
        ConfigFile.parse(
            "t.yaml",
            "a: [1, {b: true, c: [x, null], d: '${HOME_OF_A}'}, 5%]\n",
            Map.of("HOME_OF_A", "here"),
            section -> List.of(Objects.requireNonNull(section.tree("a"))));
    assertEquals("[[1, {b=true, c=[x, null], d=here}, 5%]]", String.valueOf(tree));
    assertEquals(
        "t.yaml:1: a.b: stands twice (first on line 1)",
        assertThrows(
                ConfigException.class,
                () ->
                    ConfigFile.parse(
                        "t.yaml",
                        "a: {b: 1, b: 2}",
                        Map.of(),
                        section -> List.of(Objects.requireNonNull(section.tree("a")))))
            .problems()
            .getFirst());
  }

  @Test
  void everyKeyIsMapped() {
    Store expected =
        new Store(
            "other",
            "a: b",
            8,
            true,
            Duration.ofMillis(250),
            4000,
            Mode.CHAMPION_ONLY,
            new HostPort("::1", 8001),
            Path.of("keys.txt"),
            List.of("a", "b"),
            List.of(0.05, 25.0),
            Map.of("team", "risk"),
            new Limits(1.5, 20, 0.25),
            List.of(new Limits(1, 10, 0.05), new Limits(2, 10, 0.05)),
            Map.of("fraud", new Limits(3, 10, 0.05)));
    assertEquals(
        expected,
        parse(
            """
            name: other
            note: "a: b"
            threads: 8
            fast: true
            timeout: 250ms
            maxMessage: 4KB
            mode: champion-only
            listen: "[::1]:8001"
            keys: keys.txt
            tags: [a, b]
            steps: [0.05, 25]
            labels: {team: risk}
            limits: {rate: 1.5, burst: 20, share: 25%}
            more:
            - rate: 1
            - {rate: 2}
            byName:
              fraud:
                rate: 3
            """));
  }

  @Test
  void allProblemsAreReportedAtOnceInTheOrderOfTheFile() {
    assertEquals(
        List.of(
            "store.yaml:1: threads: '0' (expected: 1..64)",
            "store.yaml:2: timeout: '5 parsecs' (expected: " + Units.DURATION_EXPECTED + ")",
            "store.yaml:3: mode: 'holt' (expected: one of champion-only, hold)",
            "store.yaml:4: workers: is no longer supported: use threads",
            "store.yaml:5: tgas: unknown key (did you mean 'tags'?)",
            "store.yaml:7: limits.share: '1.5' (expected: 0..1 or 0%..100%)",
            "store.yaml:8: limits.rat: unknown key (did you mean 'rate'?)",
            "store.yaml:10: more[0].burst: is no scalar (expected: a single value)",
            "store.yaml:11: tags: is no list (expected: [a, b])",
            "store.yaml:12: threads: stands twice (first on line 1)"),
        problems(
            """
            threads: 0
            timeout: 5 parsecs
            mode: holt
            workers: 3
            tgas: [x]
            limits:
              share: 1.5
              rat: 4
            more:
            - burst: [1]
            tags: x
            threads: 3
            """,
            Store::read));
  }

  @Test
  void requiredKeysAreNamedWithTheirVariable() {
    assertEquals(
        List.of(
            "store.yaml:1: server.port: is missing (expected: 1..9, or set UNDERSTUDY_SERVER_PORT)",
            "store.yaml:1: key: is missing (expected: a text, or set UNDERSTUDY_KEY)",
            "store.yaml:1: file: is missing (expected: a path, or set UNDERSTUDY_FILE)"),
        problems(
            "",
            s ->
                s.section("server").requiredInteger("port", 1, 9)
                    + s.string("key")
                    + s.path("file")));
  }

  @Test
  void theEnvironmentOverridesScalarsAlsoInAbsentSections() {
    Map<String, String> env =
        Map.of(
            "UNDERSTUDY_MAX_MESSAGE", "1MiB",
            "UNDERSTUDY_LIMITS_RATE", "7",
            "UNDERSTUDY_BY_NAME_FRAUD_RATE", "9");
    Store store =
        ConfigFile.parse(
            "store.yaml", "maxMessage: 4KB\nbyName: {fraud: {rate: 3}}\n", env, Store::read);
    assertEquals(1 << 20, store.maxMessage());
    assertEquals(7, store.limits().rate());
    assertEquals(new Limits(9, 10, 0.05), store.byName().get("fraud"));
  }

  @Test
  void aWrongOverrideNamesItsVariable() {
    var thrown =
        assertThrows(
            ConfigException.class,
            () ->
                ConfigFile.parse(
                    "store.yaml", "", Map.of("UNDERSTUDY_THREADS", "many"), Store::read));
    assertEquals(
        "store.yaml:1: threads: 'many' from UNDERSTUDY_THREADS (expected: 1..64)",
        thrown.getMessage());
  }

  @Test
  void referencesAreExpanded() {
    Map<String, String> env = Map.of("WHO", "alice", "N", "5");
    Store store =
        ConfigFile.parse(
            "store.yaml",
            "name: ${WHO}-${NOBODY:-x}-$${WHO}\nthreads: ${N}\ntags: ['${WHO}']\n",
            env,
            Store::read);
    assertEquals("alice-x-${WHO}", store.name());
    assertEquals(5, store.threads());
    assertEquals(List.of("alice"), store.tags());
    assertEquals(
        List.of(
            "store.yaml:1: name: the environment variable NOBODY is not set",
            "store.yaml:2: note: '${oops' (expected: ${NAME} or ${NAME:-default})"),
        problems("name: a${NOBODY}\nnote: ${oops\n", Store::read));
  }

  @Test
  void textThatIsNotAMappingIsRefusedWithItsLine() {
    assertEquals(
        List.of("store.yaml:1: the file is not a mapping (expected: key: value)"),
        problems("- a\n", Store::read));
    assertTrue(problems("name: x\ntags: [a\n", Store::read).getFirst().startsWith("store.yaml:"));
    assertTrue(problems("name: x\nname2: 'a\n", Store::read).getFirst().contains("not valid YAML"));
  }

  @Test
  void deepAndRepetitiveFilesAreRefused() {
    assertTrue(
        problems("a: " + "[".repeat(100_000) + "\n", Store::read)
            .getFirst()
            .contains("nested too deeply"));
    assertTrue(
        problems("a: &x 1\nb: [" + "*x ,".repeat(200) + "]\n", Store::read)
            .getFirst()
            .contains("too many aliases"));
  }

  @Test
  void aCombinationThatAConstructorRefusesIsAProblem() {
    assertEquals(
        List.of("store.yaml:1: min 3 exceeds max 2"),
        problems(
            "a: 3\n",
            s -> {
              if (s.integer("a", 0, 0, 9) > 2) {
                throw new IllegalArgumentException("min 3 exceeds max 2");
              }
              return "fine";
            }));
  }

  @Test
  void relativePathsStartAtTheFile(@TempDir Path folder) throws Exception {
    Path file = Files.writeString(folder.resolve("store.yaml"), "keys: sub/keys.txt\n");
    assertEquals(folder.resolve("sub/keys.txt"), ConfigFile.read(file, Store::read).keys());
    assertTrue(
        assertThrows(
                ConfigException.class,
                () -> ConfigFile.read(folder.resolve("absent.yaml"), Store::read))
            .problems()
            .getFirst()
            .endsWith("absent.yaml: no such file"));
  }

  @Test
  void unlikeWordsAreNotSuggested() {
    assertNull(Suggestion.nearest("zzz", List.of("threads", "tags")));
    assertEquals("maxMessage", Suggestion.nearest("max-mesage", List.of("mode", "maxMessage")));
    assertEquals(1, Suggestion.distance("tgas", "tags"));
  }
}
