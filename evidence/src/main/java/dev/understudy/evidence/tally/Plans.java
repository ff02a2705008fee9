package dev.understudy.evidence.tally;

import dev.understudy.proto.v1.ComparedOutput;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.TensorValue;
import dev.understudy.proto.v1.ToleranceLearned;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Which outputs a contract compares, and how. */
final class Plans {
  /** Outputs of one answer that are compared; the rest are left out. */
  static final int MOST_OUTPUTS = 64;

  private final Decision decision;
  private final boolean everyOutput;
  private final Map<String, Planned> planned = new LinkedHashMap<>();
  private final Map<String, ToleranceLearned> learned = new HashMap<>();

  Plans(DataContract contract) {
    decision = contract.getDecision();
    everyOutput = contract.getOutputsCount() == 0 && decision.getOutput().isEmpty();
    for (ComparedOutput output : contract.getOutputsList()) {
      if (planned.size() < MOST_OUTPUTS) {
        planned.putIfAbsent(
            output.getOutput(), Planned.of(output, decisionOn(output.getOutput()), null));
      }
    }
    if (contract.getOutputsCount() == 0 && !everyOutput) {
      planned.put(
          decision.getOutput(), Planned.of(ComparedOutput.getDefaultInstance(), decision, null));
    }
  }

  private @Nullable Decision decisionOn(String output) {
    return output.equals(decision.getOutput()) ? decision : null;
  }

  void tolerance(ToleranceLearned tolerance) {
    String output = tolerance.getOutput();
    if (learned.size() < MOST_OUTPUTS || learned.containsKey(output)) {
      learned.put(output, tolerance);
    }
    planned.computeIfPresent(output, (name, plan) -> plan.with(tolerance));
  }

  /** The champion's outputs that are compared, in the contract's order or else the answer's. */
  List<TensorValue> compared(Comparison comparison) {
    List<TensorValue> answered = comparison.getChampionOutputsList();
    if (!everyOutput && planned.size() == 1) {
      TensorValue output = named(answered, planned.keySet().iterator().next());
      return output == null ? List.of() : List.of(output);
    }
    if (everyOutput && answered.size() == 1) {
      return answered;
    }
    Map<String, TensorValue> byName = LinkedHashMap.newLinkedHashMap(MOST_OUTPUTS);
    for (TensorValue output : answered) {
      if (byName.size() < MOST_OUTPUTS && (everyOutput || planned.containsKey(output.getName()))) {
        byName.putIfAbsent(output.getName(), output);
      }
    }
    if (everyOutput) {
      return List.copyOf(byName.values());
    }
    List<TensorValue> compared = new ArrayList<>(planned.size());
    for (String name : planned.keySet()) {
      TensorValue output = byName.get(name);
      if (output != null) {
        compared.add(output);
      }
    }
    return compared;
  }

  /** How an output is compared. */
  Planned of(TensorValue output, boolean first) {
    Planned known = planned.get(output.getName());
    if (known != null) {
      return known;
    }
    // A decision that names no output is taken on the first one.
    Decision on = first ? decision : null;
    return Planned.of(ComparedOutput.getDefaultInstance(), on, learned.get(output.getName()));
  }

  static @Nullable TensorValue named(List<TensorValue> outputs, String name) {
    for (int i = 0; i < outputs.size(); i++) {
      if (outputs.get(i).getName().equals(name)) {
        return outputs.get(i);
      }
    }
    return null;
  }
}
