package dev.understudy.modelkit;

import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Optional;
import java.util.Properties;

/** A report as the lines of a properties file, so that a repository can tell what it holds. */
final class ReportFile {
  static final String NAME = "report.properties";

  private ReportFile() {}

  static String text(FraudReport report, String generator) {
    var text = new StringBuilder();
    line(text, "generator", generator);
    line(text, "seed", report.seed());
    line(text, "train_rows", report.trainRows());
    line(text, "test_rows", report.testRows());
    line(text, "positive_share", report.positiveShare());
    line(text, "cutoff", report.cutoff());
    line(text, "training_millis", report.trainingMillis());
    line(text, "versions", report.versions().size());
    for (var version : report.versions()) {
      String prefix = version.version() + ".";
      line(text, prefix + "summary", version.summary());
      line(text, prefix + "auc", version.auc());
      line(text, prefix + "brier", version.brier());
      line(text, prefix + "flagged", version.flagged());
      line(text, prefix + "changed_decisions", version.changedDecisions());
      line(text, prefix + "brier_gain_mean", version.brierGainMean());
      line(text, prefix + "brier_gain_sd", version.brierGainSd());
      line(text, prefix + "sha256", version.sha256());
    }
    return text.toString();
  }

  /** The report, or empty if the text is not one of this generator. */
  static Optional<FraudReport> parse(String text, String generator) {
    var properties = new Properties();
    try {
      properties.load(new StringReader(text));
      if (!generator.equals(properties.getProperty("generator"))) {
        return Optional.empty();
      }
      var versions = new ArrayList<FraudReport.Version>();
      for (int v = 1; v <= Integer.parseInt(get(properties, "versions")); v++) {
        String prefix = v + ".";
        versions.add(
            new FraudReport.Version(
                v,
                get(properties, prefix + "summary"),
                number(properties, prefix + "auc"),
                number(properties, prefix + "brier"),
                number(properties, prefix + "flagged"),
                number(properties, prefix + "changed_decisions"),
                number(properties, prefix + "brier_gain_mean"),
                number(properties, prefix + "brier_gain_sd"),
                get(properties, prefix + "sha256")));
      }
      return Optional.of(
          new FraudReport(
              Long.parseLong(get(properties, "seed")),
              Integer.parseInt(get(properties, "train_rows")),
              Integer.parseInt(get(properties, "test_rows")),
              number(properties, "positive_share"),
              number(properties, "cutoff"),
              Long.parseLong(get(properties, "training_millis")),
              versions));
    } catch (IllegalArgumentException damaged) {
      return Optional.empty(); // it will be written anew
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static double number(Properties properties, String key) {
    return Double.parseDouble(get(properties, key));
  }

  private static String get(Properties properties, String key) {
    String value = properties.getProperty(key);
    if (value == null) {
      throw new IllegalArgumentException("no " + key);
    }
    return value;
  }

  private static void line(StringBuilder text, String key, Object value) {
    text.append(key).append('=').append(value).append('\n');
  }
}
