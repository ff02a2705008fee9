package dev.understudy.launcher.cli;

import dev.understudy.modelkit.FraudModels;
import dev.understudy.modelkit.FraudReport;
import dev.understudy.modelkit.data.CardFraud;
import dev.understudy.modelkit.data.Column;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code understudy models DIR}: trains the example models and writes a model repository. */
@Command(
    name = "models",
    description =
        "Train the four example models (card fraud) and write them as a model repository.")
final class ModelsCommand implements Callable<Integer> {

  @Spec CommandSpec spec;

  @Parameters(paramLabel = "DIR", description = "The repository; reused if it is already there.")
  Path directory;

  @Option(
      names = "--seed",
      defaultValue = "7",
      description = "What everything follows from (default: ${DEFAULT-VALUE}).")
  long seed;

  @Option(
      names = "--csv",
      paramLabel = "FILE",
      description = "Also write payments that no model was trained on, with their outcomes.")
  @Nullable Path csv;

  @Option(
      names = "--csv-rows",
      paramLabel = "N",
      defaultValue = "20000",
      description = "So many payments (default: ${DEFAULT-VALUE}).")
  int csvRows;

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    FraudReport report = FraudModels.writeRepository(directory, seed);
    out.printf(
        Locale.ROOT,
        "%s in %s: %,d training rows, measured on %,d others, %.1f %% fraud, cut-off %.2f%n",
        FraudModels.MODEL,
        directory,
        report.trainRows(),
        report.testRows(),
        report.positiveShare() * 100,
        report.cutoff());
    out.println("version  AUC     Brier    flagged  decides otherwise than 1");
    for (FraudReport.Version version : report.versions()) {
      out.printf(
          Locale.ROOT,
          "%-7d  %.4f  %.5f  %5.1f %%  %5.1f %%   %s%n",
          version.version(),
          version.auc(),
          version.brier(),
          version.flagged() * 100,
          version.changedDecisions() * 100,
          version.summary());
    }
    if (csv != null) {
      writePayments(csv);
      out.printf(Locale.ROOT, "%,d payments in %s%n", csvRows, csv);
    }
    out.flush();
    return 0;
  }

  /** Neither the stream of training nor that of the measures above. */
  private void writePayments(Path file) throws IOException {
    CardFraud.Stream payments = CardFraud.stream(seed + 1);
    try (BufferedWriter out = Files.newBufferedWriter(file)) {
      for (Column column : CardFraud.columns()) {
        out.append(column.name()).append(',');
      }
      out.append("fraud\n");
      for (int i = 0; i < csvRows; i++) {
        CardFraud.Case payment = payments.next();
        for (float value : payment.features()) {
          out.append(cell(value)).append(',');
        }
        out.append(payment.fraud() ? "1\n" : "0\n");
      }
    }
  }

  private static String cell(float value) {
    if (Float.isNaN(value)) {
      return "";
    }
    return value == Math.rint(value) ? Long.toString((long) value) : Float.toString(value);
  }
}
