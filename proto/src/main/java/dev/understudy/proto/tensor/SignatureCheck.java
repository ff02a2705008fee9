package dev.understudy.proto.tensor;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/**
 * Does a request fit a model's signature? Answers in Triton's words and in Triton's order: names
 * given twice, data missing, outputs, number and names of inputs, datatypes, batch sizes, shapes,
 * amount of data. The prefix {@code [request id: …]} is the caller's business.
 *
 * <p>A request that fits costs no string and next to no allocation, least when it names the inputs
 * in the model's order. Immutable; any number of threads.
 */
public final class SignatureCheck {
  private static final int BITS = 64;

  private final Signature signature;
  private final String model;

  /** Checks against the signature. */
  public SignatureCheck(Signature signature) {
    this.signature = signature;
    this.model = signature.modelName();
  }

  /** What is checked against. */
  public Signature signature() {
    return signature;
  }

  /**
   * Checks a request.
   *
   * @return the text for the caller, or null when the request fits
   */
  public @Nullable String violation(InferRequestView request) {
    String problem = repeatedInput(request);
    if (problem == null) {
      problem = repeatedOutput(request);
    }
    for (int i = 0; problem == null && i < request.inputCount(); i++) {
      problem = DataCheck.presence(request, i, model);
    }
    if (problem == null) {
      problem = unexpectedOutput(request);
    }
    if (problem == null) {
      problem = unexpectedInputs(request);
    }
    if (problem == null) {
      problem = datatypes(request);
    }
    if (problem == null) {
      problem = batchSizes(request);
    }
    if (problem == null) {
      problem = shapes(request);
    }
    for (int i = 0; problem == null && i < request.inputCount(); i++) {
      problem = DataCheck.size(request, i, model);
    }
    return problem;
  }

  /**
   * The batch size of a request that fits: its first dimension, or 1 for a model that does not
   * batch or a request without inputs.
   */
  public long batchSize(InferRequestView request) {
    return signature.maxBatchSize() > 0 && request.inputCount() > 0 ? request.input(0).dim(0) : 1;
  }

  private @Nullable String repeatedInput(InferRequestView request) {
    int count = request.inputCount();
    int specs = signature.inputs().size();
    if (count <= specs && specs <= BITS) {
      long seen = 0;
      boolean allKnown = true;
      for (int i = 0; i < count && allKnown; i++) {
        int spec = signature.findInput(request.input(i), i);
        allKnown = spec >= 0 && (seen & (1L << spec)) == 0;
        seen |= 1L << spec;
      }
      if (allKnown) {
        return null;
      }
    }
    Set<String> names = new HashSet<>();
    for (int i = 0; i < count; i++) {
      String name = request.input(i).name();
      if (!names.add(name)) {
        return "input '" + name + "' already exists in request";
      }
    }
    return null;
  }

  private @Nullable String repeatedOutput(InferRequestView request) {
    List<RequestedOutput> outputs = request.requestedOutputs();
    if (outputs.size() < 2) {
      return null;
    }
    int specs = signature.outputs().size();
    if (outputs.size() <= specs && specs <= BITS) {
      long seen = 0;
      boolean allKnown = true;
      for (int i = 0; i < outputs.size() && allKnown; i++) {
        int spec = signature.findOutput(outputs.get(i), i);
        allKnown = spec >= 0 && (seen & (1L << spec)) == 0;
        seen |= 1L << spec;
      }
      if (allKnown) {
        return null;
      }
    }
    Set<String> names = new HashSet<>();
    for (RequestedOutput output : outputs) {
      String name = output.name();
      if (!names.add(name)) {
        return "output '" + name + "' already exists in request";
      }
    }
    return null;
  }

  private @Nullable String unexpectedOutput(InferRequestView request) {
    List<RequestedOutput> outputs = request.requestedOutputs();
    for (int i = 0; i < outputs.size(); i++) {
      if (signature.findOutput(outputs.get(i), i) < 0) {
        return "unexpected inference output '"
            + outputs.get(i).name()
            + "' for model '"
            + model
            + "'";
      }
    }
    return null;
  }

  private @Nullable String unexpectedInputs(InferRequestView request) {
    int count = request.inputCount();
    if (count > signature.inputs().size() || count < signature.requiredInputs()) {
      return wrongInputs(request);
    }
    int required = 0;
    for (int i = 0; i < count; i++) {
      int spec = signature.findInput(request.input(i), i);
      if (spec < 0) {
        return "unexpected inference input '"
            + request.input(i).name()
            + "' for model '"
            + model
            + "'";
      }
      required += signature.inputs().get(spec).optional() ? 0 : 1;
    }
    return required == signature.requiredInputs() ? null : wrongInputs(request);
  }

  private String wrongInputs(InferRequestView request) {
    StringJoiner got = new StringJoiner(",", "[", "]");
    Set<String> names = new HashSet<>();
    for (int i = 0; i < request.inputCount(); i++) {
      String name = request.input(i).name();
      names.add(name);
      got.add("'" + name + "'");
    }
    StringJoiner missing = new StringJoiner(",", "[", "]");
    for (TensorSpec spec : signature.inputs()) {
      if (!spec.optional() && !names.contains(spec.name())) {
        missing.add("'" + spec.name() + "'");
      }
    }
    int most = signature.inputs().size();
    int least = signature.requiredInputs();
    String expected =
        least == most
            ? "expected " + most + " inputs"
            : "expected number of inputs between " + least + " and " + most;
    return expected
        + " but got "
        + request.inputCount()
        + " inputs for model '"
        + model
        + "'. Got input(s) "
        + got
        + ", but missing required input(s) "
        + missing
        + ". Please provide all required input(s).";
  }

  private TensorSpec spec(TensorView input, int position) {
    return signature.inputs().get(signature.findInput(input, position));
  }

  private @Nullable String datatypes(InferRequestView request) {
    for (int i = 0; i < request.inputCount(); i++) {
      TensorView input = request.input(i);
      Datatype expected = spec(input, i).datatype();
      if (input.datatype() != expected) {
        return "inference input '"
            + input.name()
            + "' data-type is '"
            + input.datatypeName()
            + "', but model '"
            + model
            + "' expects '"
            + expected.wireName()
            + "'";
      }
    }
    return null;
  }

  private @Nullable String batchSizes(InferRequestView request) {
    if (signature.maxBatchSize() == 0 || request.inputCount() == 0) {
      return null;
    }
    long batch = 0;
    for (int i = 0; i < request.inputCount(); i++) {
      TensorView input = request.input(i);
      if (input.rank() == 0 || input.dim(0) < 1) {
        return wrongShape(input, spec(input, i));
      }
      if (i == 0) {
        batch = input.dim(0);
      } else if (input.dim(0) != batch) {
        return "input '"
            + input.name()
            + "' batch size does not match other inputs for '"
            + model
            + "'";
      }
    }
    return batch <= signature.maxBatchSize()
        ? null
        : "inference request batch-size must be <= "
            + signature.maxBatchSize()
            + " for '"
            + model
            + "'";
  }

  private @Nullable String shapes(InferRequestView request) {
    int batchDims = signature.maxBatchSize() > 0 ? 1 : 0;
    for (int i = 0; i < request.inputCount(); i++) {
      TensorView input = request.input(i);
      TensorSpec spec = spec(input, i);
      boolean fits = input.rank() == spec.rank() + batchDims;
      for (int d = 0; fits && d < spec.rank(); d++) {
        long got = input.dim(d + batchDims);
        fits = spec.dim(d) == -1 ? got >= 0 : got == spec.dim(d);
      }
      if (!fits) {
        return wrongShape(input, spec);
      }
    }
    return null;
  }

  private String wrongShape(TensorView input, TensorSpec spec) {
    StringJoiner expected = new StringJoiner(",", "[", "]");
    if (signature.maxBatchSize() > 0) {
      expected.add("-1");
    }
    for (int d = 0; d < spec.rank(); d++) {
      expected.add(Long.toString(spec.dim(d)));
    }
    StringJoiner got = new StringJoiner(",", "[", "]");
    for (int d = 0; d < input.rank(); d++) {
      got.add(Long.toString(input.dim(d)));
    }
    return "unexpected shape for input '"
        + input.name()
        + "' for model '"
        + model
        + "'. Expected "
        + expected
        + ", got "
        + got;
  }
}
