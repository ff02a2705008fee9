package dev.understudy.proto.contract;

import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.proto.tensor.ParameterValue;
import dev.understudy.proto.tensor.Signature;
import dev.understudy.proto.tensor.TensorData;
import dev.understudy.proto.tensor.TensorException;
import dev.understudy.proto.tensor.TensorView;
import dev.understudy.proto.v1.ContractAction;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.EventTime;
import dev.understudy.proto.v1.Feature;
import dev.understudy.proto.v1.InputContract;
import dev.understudy.proto.v1.RowLimits;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Holds requests against a data contract: ranges, values that are allowed, missing values, numbers
 * of rows, the age of what they speak of. To be asked about requests that fit the model's {@link
 * dev.understudy.proto.tensor.SignatureCheck signature}; others are never misread, but what is said
 * of them may be little.
 *
 * <p>Made once for a contract; a request that keeps it then costs no allocation when its data is
 * raw and its event time is none or a column's. Immutable but for what it keeps ready; any number
 * of threads.
 */
public final class ContractCheck {
  private static final Map<Datatype, Keys> TIMES = times();

  private final List<InputRules> inputs;
  private final String firstInput;
  private final byte[] firstName;
  private final int firstColumns;
  private final @Nullable RowLimits rows;
  private final @Nullable EventTime time;
  private final byte[] timeInput;
  private final String timeInputName;
  private final int timeColumn;
  private final int timeColumns;

  private ContractCheck(DataContract contract) {
    List<InputRules> rules = new ArrayList<>();
    add(rules, contract.getFeatureInput(), contract.getFeaturesList());
    for (InputContract input : contract.getInputsList()) {
      add(rules, input.getInput(), input.getFeaturesList());
    }
    inputs = List.copyOf(rules);
    firstInput = contract.getFeatureInput();
    firstName = firstInput.getBytes(StandardCharsets.UTF_8);
    firstColumns = contract.getFeaturesCount();
    rows = contract.hasRows() && firstColumns > 0 ? contract.getRows() : null;
    time = contract.hasEventTime() ? contract.getEventTime() : null;
    String wanted = contract.getEventTime().getColumn();
    String input = firstInput;
    List<Feature> features = contract.getFeaturesList();
    int column = indexOf(features, wanted);
    for (int i = 0; i < contract.getInputsCount() && column < 0; i++) {
      input = contract.getInputs(i).getInput();
      features = contract.getInputs(i).getFeaturesList();
      column = indexOf(features, wanted);
    }
    timeInputName = input;
    timeInput = input.getBytes(StandardCharsets.UTF_8);
    timeColumn = column;
    timeColumns = features.size();
  }

  private static void add(List<InputRules> rules, String input, List<Feature> features) {
    InputRules of = features.isEmpty() ? null : InputRules.of(input, features);
    if (of != null) {
      rules.add(of);
    }
  }

  private static int indexOf(List<Feature> features, String name) {
    for (int i = 0; i < features.size(); i++) {
      if (features.get(i).getName().equals(name)) {
        return i;
      }
    }
    return -1;
  }

  /** The check of a contract, or null when the contract demands nothing of requests. */
  public static @Nullable ContractCheck of(DataContract contract) {
    ContractCheck check = new ContractCheck(contract);
    return check.inputs.isEmpty() && check.rows == null && check.time == null ? null : check;
  }

  /**
   * Why no request can both keep the contract and fit a signature, the first reason; or null.
   *
   * @return a clause to follow the contract's name
   */
  public @Nullable String misfit(Signature signature) {
    for (InputRules input : inputs) {
      String misfit = input.misfit(signature);
      if (misfit != null) {
        return misfit;
      }
    }
    return null;
  }

  /**
   * Checks a request.
   *
   * @param message the bytes that the request was read from, from their first to their last
   * @param nowUnixMs the wall clock
   * @return what there is to say, or null when the request keeps the contract and goes on as it is
   */
  public @Nullable ContractFindings check(
      byte[] message, InferRequestView request, long nowUnixMs) {
    if (message.length != request.messageSize()) {
      throw new IllegalArgumentException(
          "message of " + message.length + " bytes (expected: " + request.messageSize() + ")");
    }
    ContractFindings found = null;
    for (int i = 0; i < inputs.size(); i++) {
      found = inputs.get(i).check(message, request, found);
    }
    if (rows != null) {
      found = rows(rows, message, request, found);
    }
    if (time != null) {
      found =
          timeColumn < 0
              ? parameter(time, message, request, nowUnixMs, found)
              : column(time, message, request, nowUnixMs, found);
    }
    return found;
  }

  private @Nullable ContractFindings rows(
      RowLimits limits,
      byte[] message,
      InferRequestView request,
      @Nullable ContractFindings found) {
    int index = find(request, firstName);
    if (index < 0) {
      return found;
    }
    long count = request.input(index).elementCount() / firstColumns;
    boolean tooFew = limits.hasMin() && count < limits.getMin();
    boolean tooMany = limits.hasMax() && count > limits.getMax();
    if (!tooFew && !tooMany) {
      return found;
    }
    String expected =
        !limits.hasMax()
            ? "at least " + limits.getMin()
            : (limits.hasMin() ? limits.getMin() + " to " : "at most ") + limits.getMax();
    return broken(
        message,
        found,
        "rows",
        limits.getTrial(),
        limits.getAction(),
        "inputs[" + firstInput + "].shape",
        count + " rows (expected: " + expected + ")");
  }

  private static int find(InferRequestView request, byte[] name) {
    for (int i = 0; i < request.inputCount(); i++) {
      if (request.input(i).nameIs(name)) {
        return i;
      }
    }
    return -1;
  }

  private static @Nullable ContractFindings parameter(
      EventTime time,
      byte[] message,
      InferRequestView request,
      long now,
      @Nullable ContractFindings found) {
    ParameterValue value = request.parameter(time.getParameter());
    double at = Double.NaN;
    if (value instanceof ParameterValue.Int64 signed) {
      at = signed.value();
    } else if (value instanceof ParameterValue.UInt64 unsigned) {
      long bits = unsigned.value();
      at = bits >= 0 ? bits : 0x1p63;
    } else if (value instanceof ParameterValue.Float64 number) {
      at = number.value();
    } else if (value instanceof ParameterValue.Text text) {
      at = number(text.value());
    }
    String problem =
        value == null
            ? "missing (expected: an event time in " + unit(time) + ")"
            : problem(time, at, now);
    return problem == null
        ? found
        : broken(
            message,
            found,
            "event_time",
            time.getTrial(),
            time.getAction(),
            "parameters[" + time.getParameter() + "]",
            problem);
  }

  /** Digits only: what clients without numeric parameters send. */
  private static double number(String text) {
    if (text.isEmpty() || text.length() > 18) {
      return Double.NaN;
    }
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) < '0' || text.charAt(i) > '9') {
        return Double.NaN;
      }
    }
    return Long.parseLong(text);
  }

  private @Nullable ContractFindings column(
      EventTime limits,
      byte[] message,
      InferRequestView request,
      long now,
      @Nullable ContractFindings before) {
    int index = find(request, timeInput);
    if (index < 0) {
      return before;
    }
    TensorView tensor = request.input(index);
    Datatype type = tensor.datatype();
    Keys keys = type == null ? null : TIMES.get(type);
    if (keys == null) {
      return before;
    }
    byte[] data = message;
    int from;
    int length;
    if (tensor.rawIndex() >= 0) {
      from = request.rawOffset(tensor.rawIndex());
      length = request.rawSize(tensor.rawIndex());
    } else {
      try {
        ByteBuffer raw = TensorData.of(request, index);
        data = raw.array();
        from = raw.arrayOffset() + raw.position();
        length = raw.remaining();
      } catch (TensorException e) {
        return before;
      }
    }
    ContractFindings found = before;
    int elements = length / keys.size;
    for (int at = timeColumn; at < elements; at += timeColumns) {
      double value = keys.value(keys.at(data, from + at * keys.size));
      if (isFresh(limits, value, now)) {
        continue;
      }
      String problem = problem(limits, value, now);
      if (problem == null) {
        continue;
      }
      found =
          broken(
              message,
              found,
              "event_time",
              limits.getTrial(),
              limits.getAction(),
              Scan.field(timeInputName, at / timeColumns, limits.getColumn()),
              problem);
      boolean notes = limits.getTrial() || limits.getAction() == ContractAction.ACTION_FLAG;
      if (found.full() || (notes && found.notedFull())) {
        return found;
      }
    }
    return found;
  }

  private static Map<Datatype, Keys> times() {
    Map<Datatype, Keys> all = new EnumMap<>(Datatype.class);
    for (Datatype type : Datatype.values()) {
      Keys keys = Keys.of(type);
      if (keys != null) {
        all.put(type, keys);
      }
    }
    return all;
  }

  private static boolean isFresh(EventTime time, double value, long now) {
    double age = now - value * time.getUnitMs();
    return (!time.hasMaxAgeMs() || age <= time.getMaxAgeMs())
        && (!time.hasMaxAheadMs() || -age <= time.getMaxAheadMs())
        && !Double.isNaN(age);
  }

  private static @Nullable String problem(EventTime time, double value, long now) {
    if (isFresh(time, value, now)) {
      return null;
    }
    double age = now - value * time.getUnitMs();
    if (Double.isNaN(age)) {
      return "not a number (expected: an event time in " + unit(time) + ")";
    }
    return age > 0
        ? Keys.shown(Math.rint(age)) + " ms old (expected: at most " + time.getMaxAgeMs() + " ms)"
        : Keys.shown(Math.rint(-age))
            + " ms ahead of the router's clock (expected: at most "
            + time.getMaxAheadMs()
            + " ms)";
  }

  private static String unit(EventTime time) {
    return time.getUnitMs() == 1 ? "milliseconds" : "seconds";
  }

  private static ContractFindings broken(
      byte[] message,
      @Nullable ContractFindings before,
      String rule,
      boolean trial,
      ContractAction action,
      String field,
      String description) {
    ContractFindings found = before == null ? new ContractFindings(message) : before;
    if (trial) {
      found.note(rule, "contract.trial." + rule, ContractFindings.Deed.TRIAL);
    } else if (action == ContractAction.ACTION_FLAG) {
      found.note(rule, "contract." + rule, ContractFindings.Deed.FLAG);
    } else {
      found.refuse(rule, field, description);
    }
    return found;
  }
}
