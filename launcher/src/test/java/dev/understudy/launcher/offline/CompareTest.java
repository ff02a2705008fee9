package dev.understudy.launcher.offline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.comparator.log.EvidenceFile;
import dev.understudy.evidence.fold.Replay;
import dev.understudy.evidence.rule.KayentaRule;
import dev.understudy.evidence.rule.ThresholdRule;
import dev.understudy.modelkit.fixtures.Fixtures;
import dev.understudy.modelkit.onnx.ElementType;
import dev.understudy.modelkit.onnx.OnnxGraph;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.Intent;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real model files behind a real server, models of our fixtures and of other people's shapes. */
class CompareTest {
  @TempDir Path folder;

  private @Nullable String label;
  private @Nullable Path contract;
  private @Nullable Path log;
  private Intent intent = Intent.EQUIVALENT;
  private boolean control = true;
  private int batch;

  @Test
  void aModelAndItselfAreProvedEquivalentAndTheLogReplaysToTheSameBits() throws Exception {
    Path a = model("a", Fixtures.mlp(3, 8, 2, 1));
    log = folder.resolve("out.evidence");
    Compare.Result result = compare(a, a, table(1200, "a,b,c"));
    EvidenceReport report = result.report();
    assertEquals(Result.PROVED, report.getOverall(), report::getStatement);
    assertEquals(1200, result.rows());
    assertEquals(1200, report.getPairs());
    assertEquals(0, report.getMeanDivergence());
    assertEquals(0, report.getMeanNoise());
    assertEquals(
        List.of("a.onnx (A)", "a.onnx (B)", "a.onnx (A)"),
        report.getArmsList().stream().map(arm -> arm.getVersion()).toList());

    Replay.Run run =
        new Replay.Run(UnaryOperator.identity(), new ThresholdRule(1.5, 500, 0), KayentaRule.USUAL);
    long records = EvidenceFile.read(log, run::accept);
    Replay replay = run.result();
    assertEquals(report.toByteString(), replay.report().toByteString());
    assertEquals(records, replay.report().getLogSequence());
    assertTrue(replay.firstProvedSequence() > 0);
    assertEquals(0, replay.firstAgainstSequence());
    assertEquals(0, replay.kayenta().looks());
  }

  @Test
  void anotherModelIsNotEquivalent() throws Exception {
    EvidenceReport report =
        compare(
                model("a", Fixtures.mlp(3, 8, 2, 1)),
                model("b", Fixtures.mlp(3, 8, 2, 2)),
                table(400, "a,b,c"))
            .report();
    assertEquals(Result.AGAINST, report.getOverall(), report::getStatement);
    assertTrue(report.getMeanDivergence() > 0.05, "divergence " + report.getMeanDivergence());
    assertTrue(report.getExamples(0).getPredictionId().startsWith("line "));
  }

  @Test
  void callsThatOnlyTheChallengerFailsCountAgainstIt() throws Exception {
    EvidenceReport report =
        compare(
                model("a", Fixtures.failsFrom(1000)),
                model("b", Fixtures.failsFrom(70)),
                rows(600, "x", i -> Integer.toString(i % 100)))
            .report();
    assertEquals(Result.AGAINST, report.getOverall(), report::getStatement);
    assertEquals(180, report.getPairDiscordantCopyBad());
    assertEquals(0, report.getPairDiscordantChampionBad());
  }

  @Test
  void twoScalarInputsOfAForeignModelAreFoundByName() throws Exception {
    Path a = model("a", Fixtures.sum());
    EvidenceReport report = compare(a, a, rows(40, "b,a", i -> i + "," + 2 * i)).report();
    assertEquals(40, report.getPairs());
    assertEquals(0, report.getPairBothBad());
  }

  @Test
  void textThatComesBackIsCompared() throws Exception {
    Path a = model("a", Fixtures.strings());
    EvidenceReport report = compare(a, a, rows(60, "x", i -> "\"text " + i + ", ü\"")).report();
    assertEquals(60, report.getPairs());
    assertEquals(0, report.getMeanDivergence());
  }

  @Test
  void aClassifierThatAnswersLabelsAndProbabilitiesIsJudgedByKnownOutcomes() throws Exception {
    label = "truth";
    intent = Intent.IMPROVED;
    // The truth is 1 where x0 < x1, which is what the model of slope 4 says with some certainty.
    Path table =
        rows(
            1500,
            "x0,x1,truth",
            i -> {
              double x0 = i % 37 / 37.0;
              double x1 = i % 41 / 41.0;
              return String.format(Locale.ROOT, "%.4f,%.4f,%d", x0, x1, x0 < x1 ? 1 : 0);
            });
    EvidenceReport better =
        compare(model("a", classifier(4)), model("b", classifier(8)), table).report();
    assertEquals(Result.PROVED, better.getOverall(), better::getStatement);
    assertEquals(1500, better.getLabels());
    assertEquals(1500, better.getLabelsPaired());
    EvidenceReport worse =
        compare(model("c", classifier(4)), model("d", classifier(-4)), table).report();
    assertEquals(Result.AGAINST, worse.getOverall(), worse::getStatement);
    assertEquals(
        Result.AGAINST,
        worse.getMetricsList().stream()
            .filter(metric -> metric.getKind() == MetricKind.QUALITY)
            .findFirst()
            .orElseThrow()
            .getResult());
  }

  @Test
  void slicesOfTheContractAreReportedFromOnesOwnFile() throws Exception {
    contract = folder.resolve("contract.yaml");
    Files.writeString(
        contract,
        """
        contract: t/1
        features: {input: features, columns: [{name: c}, {name: a}, {name: b}]}
        decision: {output: probabilities, kind: probabilities, column: 1, cutoff: 0.5}
        slices: [{name: a, column: a, edges: [0.5]}]
        """);
    EvidenceReport report =
        compare(
                model("a", Fixtures.mlp(3, 8, 2, 1)),
                model("b", Fixtures.mlp(3, 8, 2, 2)),
                table(300, "a,b,c"))
            .report();
    assertEquals(
        Set.of("<0.5", ">=0.5"),
        Set.copyOf(
            report.getSlicesList().stream().map(slice -> slice.getLabel().getValue()).toList()));
    assertEquals(300, report.getSwapSet().getPairs());
  }

  @Test
  void rowsAreSentInTheNumberThatTheModelOrTheUserAsksFor() throws Exception {
    Path fixed = model("fixed", Fixtures.fixedBatch(4, 2));
    Compare.Result four = compare(fixed, fixed, table(10, "a,b"));
    assertEquals(4, four.rowsPerCall());
    assertEquals(8, four.rows());
    assertEquals(2, four.report().getPairs());
    Path none = model("none", Fixtures.unbatched(2));
    assertEquals(10, compare(none, none, table(10, "a,b")).report().getPairs());
    batch = 4;
    control = false;
    Path open = model("open", Fixtures.mlp(2, 4, 2, 1));
    EvidenceReport report = compare(open, open, table(10, "a,b")).report();
    assertEquals(3, report.getPairs());
    assertTrue(
        report.getArmsList().stream().noneMatch(arm -> arm.getRole() == Role.MIRRORED_CONTROL));
  }

  @Test
  void gapsAreSentAsNanUnlessTheyAreToBeLeftOut() throws Exception {
    Path a = model("a", Fixtures.identity(ElementType.FP32));
    Path table = rows(20, "p,q", i -> i % 4 == 0 ? "," + i : i + ",1");
    assertEquals(20, compare(a, a, table).rows());
    Compare.Result left = new Compare(options(a, a, table, Compare.Missing.SKIP)).run();
    assertEquals(15, left.rows());
    assertEquals(5, left.skipped());
    assertTrue(
        refused(options(a, a, table, Compare.Missing.REFUSE)).contains(":2: a value is missing"));
  }

  @Test
  void whatCannotBeComparedIsSaidWithValueAndExpectation() throws Exception {
    Path a = model("a", Fixtures.mlp(3, 8, 2, 1));
    Path sum = model("sum", Fixtures.sum());
    Path table = table(5, "a,b,c");
    assertTrue(refused(options(a, sum, table)).contains("take different inputs"));
    assertTrue(
        refused(options(a, a, table(5, "a,b"))).contains("takes 3 columns, the table has 2"));
    String corrupt = refused(options(a, model("corrupt", Fixtures.corrupt()), table));
    assertTrue(corrupt.startsWith("corrupt.onnx: "), corrupt);
    OfflineException away =
        assertThrows(
            OfflineException.class,
            () ->
                new Compare(
                        options(
                            Subject.parse("127.0.0.1:1/m:3"),
                            Subject.parse(a.toString()),
                            table,
                            Compare.Missing.NAN))
                    .run());
    assertEquals(OfflineException.Kind.UNREACHABLE, away.kind());
    assertEquals("m:3 at 127.0.0.1:1: nothing answers at 127.0.0.1:1", away.getMessage());
    label = "a";
    Path text = rows(5, "a,b,c,d", i -> "7,1,2,3");
    assertTrue(refused(options(a, a, text)).contains("column 'a': '7' (expected: 0 to 1"));
  }

  @Test
  void aChampionThatAlwaysFailsEndsTheComparison() throws Exception {
    Path a = model("a", Fixtures.failsFrom(1));
    String message = refused(options(a, a, rows(100, "x", i -> "5")));
    assertTrue(message.startsWith("a.onnx failed 20 times in a row"), message);
  }

  @Test
  void subjectsAreFilesFoldersOrServers() throws Exception {
    Fixtures.write(folder, "m", 1, Fixtures.mlp(2, 4, 2, 1), null);
    assertEquals("m/1", Subject.parse(folder.resolve("m/1").toString()).shortName());
    assertEquals("m:2 at h:80", Subject.parse("h:80/m:2").shortName());
    assertEquals("team/m at h:80", Subject.parse("h:80/team/m").shortName());
    assertThrows(OfflineException.class, () -> Subject.parse("no-such-file.onnx"));
    assertThrows(OfflineException.class, () -> Subject.parse(folder.toString()));
    assertThrows(OfflineException.class, () -> Subject.parse("h:99999/m"));
    Path version = folder.resolve("m/1");
    assertEquals(10, compare(version, version, table(10, "a,b")).report().getPairs());
  }

  @Test
  void aConfigurationOfTheModelCountsWithTheNamesOfItsInputs() throws Exception {
    String config =
        """
        name: "m"
        max_batch_size: 8
        input [
          {
            name: "features"
            data_type: TYPE_FP32
            dims: [ 2 ]
          }
        ]
        output {
          name: "probabilities"
          data_type: TYPE_FP32
          dims: [ 2 ]
        }
        version_policy: { specific: { versions: [ 7 ] } }
        # no line end after this\
        """;
    Fixtures.write(folder, "m", 7, Fixtures.mlp(2, 4, 2, 1), config);
    Path version = folder.resolve("m/7");
    assertEquals(10, compare(version, version, table(10, "a,b")).report().getPairs());
    assertTrue(Files.exists(version.resolve("model.onnx")));
  }

  /** As converters export: {@code label} INT64 [N] beside {@code probabilities} FP32 [N, 2]. */
  private static byte[] classifier(float slope) {
    OnnxGraph graph = new OnnxGraph("classifier");
    graph.input("X", ElementType.FP32, OnnxGraph.BATCH, 2);
    String logits =
        graph.node(
            "MatMul",
            "logits",
            "X",
            graph.constant(new float[] {slope, -slope, -slope, slope}, 2, 2));
    graph.node("Softmax", "probabilities", Map.of("axis", 1L), logits);
    graph.node("ArgMax", "label", Map.of("axis", 1L, "keepdims", 0L), "probabilities");
    graph.output("label", ElementType.INT64, OnnxGraph.BATCH);
    graph.output("probabilities", ElementType.FP32, OnnxGraph.BATCH, 2);
    return graph.build(Map.of());
  }

  private Compare.Result compare(Path a, Path b, Path data) throws Exception {
    return new Compare(options(a, b, data)).run();
  }

  private static String refused(Compare.Options options) {
    return String.valueOf(
        assertThrows(OfflineException.class, () -> new Compare(options).run()).getMessage());
  }

  private Compare.Options options(Path a, Path b, Path data) throws OfflineException {
    return options(a, b, data, Compare.Missing.NAN);
  }

  private Compare.Options options(Path a, Path b, Path data, Compare.Missing missing)
      throws OfflineException {
    return options(Subject.parse(a.toString()), Subject.parse(b.toString()), data, missing);
  }

  private Compare.Options options(Subject a, Subject b, Path data, Compare.Missing missing) {
    return new Compare.Options(
        a,
        b,
        ChannelOptions.plaintext(),
        data,
        ',',
        label,
        null,
        Set.of(),
        missing,
        contract,
        null,
        intent,
        control,
        batch,
        Long.MAX_VALUE,
        7,
        4,
        Duration.ofSeconds(30),
        log);
  }

  private Path model(String name, byte[] onnx) throws IOException {
    return Files.write(folder.resolve(name + ".onnx"), onnx);
  }

  private Path table(int rows, String header) throws IOException {
    SplittableRandom random = new SplittableRandom(3);
    int columns = header.split(",", -1).length;
    return rows(
        rows,
        header,
        i -> {
          List<String> cells = new ArrayList<>();
          for (int c = 0; c < columns; c++) {
            cells.add(String.format(Locale.ROOT, "%.5f", random.nextDouble()));
          }
          return String.join(",", cells);
        });
  }

  private Path rows(int rows, String header, java.util.function.IntFunction<String> row)
      throws IOException {
    StringBuilder text = new StringBuilder(header).append('\n');
    for (int i = 0; i < rows; i++) {
      text.append(row.apply(i)).append('\n');
    }
    return Files.writeString(Files.createTempFile(folder, "rows", ".csv"), text);
  }

  static List<EvidenceLogRecord> records(Path file) throws IOException {
    List<EvidenceLogRecord> records = new ArrayList<>();
    EvidenceFile.read(file, records::add);
    return records;
  }
}
