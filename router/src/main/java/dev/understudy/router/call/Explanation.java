package dev.understudy.router.call;

import dev.understudy.chassis.error.Fault;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the layers would do with one call, in the order in which they were asked. A layer that can
 * say it has a method that takes one of these, comes to its word by the code that decides about
 * live calls, and takes and counts nothing. Far from the hot path; for one thread.
 */
public final class Explanation {
  /** What a layer would do. */
  public enum Result {
    /** The call goes on. */
    PASSES,
    /** The call ends there. */
    REFUSES,
    /** There was nothing to look at. */
    NOT_ASKED
  }

  /** One layer's word; facts may be added until it is read. */
  public static final class Step {
    private final String layer;
    private final Result result;
    private final String text;
    private final Map<String, String> facts = new LinkedHashMap<>();

    private Step(String layer, Result result, String text) {
      this.layer = layer;
      this.result = result;
      this.text = text;
    }

    /** Adds what a program may want to know, under a name in lower_snake_case. */
    public Step fact(String name, Object value) {
      facts.put(name, value.toString());
      return this;
    }

    /** The layer's name. */
    public String layer() {
      return layer;
    }

    /** What it would do. */
    public Result result() {
      return result;
    }

    /** Why, for people. */
    public String text() {
      return text;
    }

    /** The facts, in the order in which they were added. */
    public Map<String, String> facts() {
      return Collections.unmodifiableMap(facts);
    }
  }

  private final List<Step> steps = new ArrayList<>();
  private @Nullable Fault refusal;

  /** An explanation of nothing yet. */
  public Explanation() {}

  /** The call goes on. */
  public Step passes(String layer, String text) {
    return add(new Step(layer, Result.PASSES, text));
  }

  /** The call ends there; the first refusal is what the client would see. */
  public Step refuses(String layer, Fault fault) {
    return refuses(layer, fault, "");
  }

  /** The same, with a remark of the explanation's own behind what the client would see. */
  public Step refuses(String layer, Fault fault, String remark) {
    if (refusal == null) {
      refusal = fault;
    }
    Step step =
        add(new Step(layer, Result.REFUSES, fault.code() + ": " + fault.getMessage() + remark));
    step.fact("code", fault.code()).fact("reason", fault.reason());
    int violation = 0;
    for (var field : fault.details().violations()) {
      step.fact("violation_" + ++violation, field.subject() + ": " + field.description());
    }
    return step;
  }

  /** There was nothing to look at. */
  public Step notAsked(String layer, String text) {
    return add(new Step(layer, Result.NOT_ASKED, text));
  }

  private Step add(Step step) {
    steps.add(step);
    return step;
  }

  /** What was said, in order. */
  public List<Step> steps() {
    return Collections.unmodifiableList(steps);
  }

  /** The first refusal, or null when the call would be forwarded. */
  public @Nullable Fault refusal() {
    return refusal;
  }
}
