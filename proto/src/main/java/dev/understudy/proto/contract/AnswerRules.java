package dev.understudy.proto.contract;

import dev.understudy.proto.v1.AnswerAction;
import dev.understudy.proto.v1.AnswerContract;
import dev.understudy.proto.v1.AnswerRange;
import dev.understudy.proto.v1.BenchmarkUse;
import dev.understudy.proto.v1.Confidence;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Disagreement;
import dev.understudy.proto.v1.Extraction;
import dev.understudy.proto.v1.OutputKind;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads what a contract file says of answers. */
final class AnswerRules {
  private static final List<String> ACTIONS = List.of("review", "fallback", "benchmark", "refuse");
  private static final int MOST_OUTPUTS = 64;
  private static final int MOST_DIGITS = 15;
  private static final int MOST_TOP_K = 10_000;
  private static final int MOST_PRINCIPALS = 10_000;
  private static final long DEFAULT_WAIT_MS = 20;
  private static final long DEFAULT_TIMEOUT_MS = 1_000;
  private static final long MOST_TIMEOUT_MS = 60_000;

  private AnswerRules() {}

  static void read(@Nullable Node node, DataContract.Builder contract) {
    if (node == null) {
      return;
    }
    AnswerContract.Builder answers = AnswerContract.newBuilder();
    ranges(node, answers);
    confidence(node.section("confidence", false), contract, answers);
    disagreement(node.section("disagree", false), contract, answers);
    boolean asks =
        answers.hasDisagree()
            || answers.getConfidence().getAction() == AnswerAction.ANSWER_BENCHMARK;
    benchmark(node, asks, answers);
    extraction(node.section("extraction", false), contract, answers);
    node.refuseUnknownKeys();
    contract.setAnswers(answers);
  }

  private static void ranges(Node node, AnswerContract.Builder answers) {
    Set<String> names = new HashSet<>();
    List<Node> outputs = node.sections("outputs");
    if (outputs.size() > MOST_OUTPUTS) {
      node.problem("outputs", outputs.size() + " (expected: at most " + MOST_OUTPUTS + ")");
    }
    for (Node output : outputs) {
      AnswerRange.Builder range = AnswerRange.newBuilder();
      String name = output.text("output", true);
      if (name != null) {
        range.setOutput(name);
        if (!names.add(name)) {
          output.problem("output", "'" + name + "' is declared twice");
        }
      }
      Double min = output.number("min");
      Double max = output.number("max");
      Double sum = output.number("sumToOne");
      if (min != null) {
        range.setMin(min);
      }
      if (max != null) {
        range.setMax(max);
      }
      if (min != null && max != null && min > max) {
        output.problem("min", min + " (expected: <= max, " + max + ")");
      }
      if (sum != null) {
        range.setSumToOne(sum);
        if (sum <= 0 || sum > 1) {
          output.problem("sumToOne", sum + " (expected: a tolerance above 0, at most 1)");
        }
      }
      if (min == null && max == null && sum == null) {
        output.problem("output", "expected with it: min, max or sumToOne");
      }
      output.refuseUnknownKeys();
      answers.addRanges(range);
    }
  }

  private static void confidence(
      @Nullable Node node, DataContract.Builder contract, AnswerContract.Builder answers) {
    if (node == null) {
      return;
    }
    Confidence.Builder confidence = Confidence.newBuilder();
    String output = node.text("output", false);
    if (output != null) {
      confidence.setOutput(output);
    } else if (contract.getDecision().getKind() == OutputKind.PROBABILITIES) {
      confidence.setOutput(contract.getDecision().getOutput());
    } else {
      node.problem("output", "missing (expected where the decision is no probability)");
    }
    Double below = node.number("below");
    if (below == null) {
      node.problem("below", "missing");
    } else if (below <= 0 || below > 1) {
      node.problem("below", below + " (expected: above 0, at most 1)");
    } else {
      confidence.setBelow(below);
    }
    confidence.setAction(action(node));
    node.refuseUnknownKeys();
    answers.setConfidence(confidence);
  }

  private static void disagreement(
      @Nullable Node node, DataContract.Builder contract, AnswerContract.Builder answers) {
    if (node == null) {
      return;
    }
    Disagreement.Builder disagree = Disagreement.newBuilder();
    Double above = node.number("above");
    if (above == null) {
      node.problem("above", "missing");
    } else if (above < 0) {
      node.problem("above", above + " (expected: >= 0)");
    } else {
      disagree.setAbove(above);
    }
    OutputKind kind = contract.getDecision().getKind();
    if (kind != OutputKind.PROBABILITIES
        && kind != OutputKind.REGRESSION
        && kind != OutputKind.LABELS) {
      node.problem(
          "above", "needs a decision of kind probabilities, regression or labels to compare");
    }
    disagree.setAction(action(node));
    node.refuseUnknownKeys();
    answers.setDisagree(disagree);
  }

  private static void benchmark(Node answersNode, boolean asks, AnswerContract.Builder answers) {
    Node node = answersNode.section("benchmark", false);
    if (node == null && !asks) {
      return;
    }
    BenchmarkUse.Builder use =
        BenchmarkUse.newBuilder().setWaitMs(DEFAULT_WAIT_MS).setTimeoutMs(DEFAULT_TIMEOUT_MS);
    if (node != null) {
      if (!asks) {
        answersNode.problem(
            "benchmark", "has no meaning without disagree or confidence.action: benchmark");
      }
      Long wait = node.millis("wait");
      Long timeout = node.millis("timeout");
      if (wait != null) {
        use.setWaitMs(wait);
      }
      if (timeout != null) {
        use.setTimeoutMs(timeout);
      }
      if (use.getTimeoutMs() < 1 || use.getTimeoutMs() > MOST_TIMEOUT_MS) {
        node.problem("timeout", use.getTimeoutMs() + " ms (expected: 1ms to 60s)");
      }
      if (use.getWaitMs() > use.getTimeoutMs()) {
        node.problem(
            "wait", use.getWaitMs() + " ms (expected: <= timeout, " + use.getTimeoutMs() + " ms)");
      }
      node.refuseUnknownKeys();
    }
    answers.setBenchmark(use);
  }

  private static void extraction(
      @Nullable Node node, DataContract.Builder contract, AnswerContract.Builder answers) {
    if (node == null) {
      return;
    }
    Extraction.Builder extraction = Extraction.newBuilder();
    String output = node.text("output", false);
    extraction.setOutput(output != null ? output : contract.getDecision().getOutput());
    Integer round = node.within("round", 0, MOST_DIGITS);
    if (round != null) {
      extraction.setRound(round);
    }
    Integer topK = node.within("topK", 1, MOST_TOP_K);
    if (topK != null) {
      extraction.setTopK(topK);
    }
    if (!node.has("round") && !node.has("topK")) {
      node.problem("round", "expected: round, topK or both");
    }
    List<String> principals = node.texts("principals");
    List<String> except = node.texts("except");
    if (node.has("principals") && node.has("except")) {
      node.problem("except", "expected either principals or except");
    }
    if (principals.size() + except.size() > MOST_PRINCIPALS) {
      node.problem("principals", "expected: at most " + MOST_PRINCIPALS);
    }
    extraction.addAllPrincipals(principals).addAllExcept(except);
    node.refuseUnknownKeys();
    answers.setExtraction(extraction);
  }

  private static AnswerAction action(Node node) {
    String text = node.choice("action", ACTIONS);
    return switch (text == null ? "review" : text) {
      case "fallback" -> AnswerAction.ANSWER_FALLBACK;
      case "benchmark" -> AnswerAction.ANSWER_BENCHMARK;
      case "refuse" -> AnswerAction.ANSWER_REFUSE;
      default -> AnswerAction.ANSWER_REVIEW;
    };
  }
}
