package dev.understudy.launcher.offline;

import com.google.protobuf.ByteString;
import dev.understudy.chassis.config.Suggestion;
import dev.understudy.launcher.offline.OfflineException.Kind;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.inference.ModelMetadataResponse.TensorMetadata;
import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Feature;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which columns of a table make up which input of a model.
 *
 * <p>A column belongs to the input of its name, or as {@code input[3]}, {@code input_3} or {@code
 * input.3} to a place in it; the features that a contract declares are found by their names, in the
 * contract's order; the columns of a model with one input are its elements in the order of the
 * header. Every column must belong somewhere, so that a misspelt one is not silently left out.
 *
 * <p>A first dimension of -1 counts rows. Any one other open dimension follows from the number of
 * columns. Without a dimension for rows, one row is one call; with a fixed one, a call has exactly
 * so many.
 */
final class Layout {
  private static final Pattern PLACE = Pattern.compile("(.+?)(?:\\[(\\d{1,6})\\]|[._](\\d{1,6}))");

  /** One input: its columns, and its shape without the dimension that counts rows. */
  private record Input(
      String name, Datatype type, List<Integer> columns, List<Long> dims, boolean countsRows) {}

  private final List<Input> inputs;
  private final int fixedRows;

  private Layout(List<Input> inputs, int fixedRows) {
    this.inputs = inputs;
    this.fixedRows = fixedRows;
  }

  /**
   * Matches a table to a model.
   *
   * @param others columns that are no features: label, id, and what is to be left out
   * @throws OfflineException with what does not match, and what was probably meant
   */
  static Layout of(
      Rows rows, ModelMetadataResponse model, DataContract contract, Set<String> others)
      throws OfflineException {
    Set<String> free = new LinkedHashSet<>(rows.names());
    free.removeAll(others);
    List<TensorMetadata> tensors = model.getInputsList();
    if (tensors.isEmpty()) {
      throw new OfflineException(
          Kind.MODEL, "model '" + model.getName() + "' names no input (expected: at least one)");
    }
    List<Input> inputs = new ArrayList<>();
    int fixedRows = 0;
    for (TensorMetadata tensor : tensors) {
      List<String> names = columns(rows, tensor, tensors, contract, free);
      names.forEach(free::remove);
      int fixed = fixedRows(tensor, names.size());
      if (fixedRows > 0 && fixed != fixedRows) {
        throw new OfflineException(
            Kind.MODEL,
            "input '"
                + tensor.getName()
                + "' takes "
                + fixed
                + " rows (expected: "
                + fixedRows
                + ")");
      }
      fixedRows = fixed;
      inputs.add(input(rows, tensor, names, fixed));
    }
    if (!free.isEmpty()) {
      throw leftOver(rows, free.iterator().next(), tensors, contract);
    }
    return new Layout(List.copyOf(inputs), fixedRows);
  }

  private static List<String> columns(
      Rows rows,
      TensorMetadata tensor,
      List<TensorMetadata> tensors,
      DataContract contract,
      Set<String> free)
      throws OfflineException {
    String input = tensor.getName();
    if (input.equals(contract.getFeatureInput()) && contract.getFeaturesCount() > 0) {
      List<String> names = contract.getFeaturesList().stream().map(Feature::getName).toList();
      for (String name : names) {
        if (!free.contains(name)) {
          throw rows.inHeader(
              "feature '" + name + "' of the contract has no column" + meant(name, free));
        }
      }
      return names;
    }
    if (tensors.size() == 1 && !(free.size() > 1 && free.contains(input) && isScalar(tensor))) {
      return List.copyOf(free);
    }
    if (free.contains(input)) {
      return List.of(input);
    }
    SortedMap<Integer, String> places = new TreeMap<>();
    for (String name : free) {
      Matcher place = PLACE.matcher(name);
      if (place.matches() && place.group(1).equals(input)) {
        String digits = place.group(2) == null ? place.group(3) : place.group(2);
        places.put(Integer.valueOf(digits), name);
      }
    }
    if (places.isEmpty()) {
      throw rows.inHeader("input '" + input + "' has no column" + meant(input, free));
    }
    return List.copyOf(places.values());
  }

  private static boolean isScalar(TensorMetadata tensor) {
    return tensor.getShapeList().stream().allMatch(dim -> dim == 1 || dim == -1);
  }

  private static OfflineException leftOver(
      Rows rows, String name, List<TensorMetadata> tensors, DataContract contract) {
    List<String> known = new ArrayList<>();
    tensors.forEach(tensor -> known.add(tensor.getName()));
    contract.getFeaturesList().forEach(feature -> known.add(feature.getName()));
    return rows.inHeader(
        "column '"
            + name
            + "' belongs to no input (expected: one of "
            + known
            + "; --ignore "
            + name
            + " leaves it out)"
            + meant(name, known));
  }

  private static String meant(String name, Iterable<String> known) {
    String nearest = Suggestion.nearest(name, known);
    return nearest == null ? "" : "; did you mean '" + nearest + "'?";
  }

  /** Rows that each call must have, where a model was exported with a number of them; else 0. */
  private static int fixedRows(TensorMetadata tensor, int columns) {
    List<Long> shape = tensor.getShapeList();
    if (shape.size() < 2 || shape.get(0) < 2 || shape.stream().anyMatch(dim -> dim < 1)) {
      return 0;
    }
    long elements = product(shape);
    return elements != columns && elements == columns * shape.get(0)
        ? Math.toIntExact(shape.get(0))
        : 0;
  }

  private static Input input(Rows rows, TensorMetadata tensor, List<String> names, int fixed)
      throws OfflineException {
    Datatype type = Datatype.of(tensor.getDatatype());
    if (type == null) {
      throw new OfflineException(
          Kind.MODEL,
          "input '" + tensor.getName() + "' has the unknown datatype " + tensor.getDatatype());
    }
    List<Long> shape = tensor.getShapeList();
    int width = names.size();
    boolean vector = shape.size() == 1 && shape.get(0) == -1 && width > 1;
    boolean countsRows = fixed > 0 || (!shape.isEmpty() && shape.get(0) == -1 && !vector);
    List<Long> dims = new ArrayList<>(countsRows ? shape.subList(1, shape.size()) : shape);
    long known = product(dims.stream().filter(dim -> dim != -1).toList());
    long open = dims.stream().filter(dim -> dim == -1).count();
    if (open > 1) {
      throw new OfflineException(
          Kind.MODEL,
          "input '"
              + tensor.getName()
              + "' has shape "
              + shape
              + " (expected: at most one open dimension beside that of rows, for a table)");
    }
    if (open == 1 && known > 0 && width % known == 0) {
      dims.replaceAll(dim -> dim == -1 ? width / known : dim);
    } else if (open == 1 || known != width) {
      throw new OfflineException(
          Kind.DATA,
          "input '"
              + tensor.getName()
              + "' of shape "
              + shape
              + " takes "
              + (open == 1 ? "a multiple of " : "")
              + known
              + " columns, the table has "
              + width
              + " for it: "
              + names.stream().limit(8).toList()
              + (width > 8 ? " …" : ""));
    }
    List<Integer> columns = names.stream().map(name -> rows.names().indexOf(name)).toList();
    return new Input(tensor.getName(), type, columns, List.copyOf(dims), countsRows);
  }

  private static long product(List<Long> dims) {
    return dims.stream().reduce(1L, Math::multiplyExact);
  }

  /** Whether the model takes one number of rows only, and more than one. */
  boolean isFixed() {
    return fixedRows > 0;
  }

  /**
   * How many rows a call has.
   *
   * @param wanted 0 for what suits the model
   * @throws OfflineException when the model cannot take so many
   */
  int rowsPerCall(int wanted) throws OfflineException {
    if (fixedRows > 0) {
      if (wanted > 0 && wanted != fixedRows) {
        throw new OfflineException(
            Kind.MODEL,
            "--batch: " + wanted + " (expected: " + fixedRows + ", as the model's shape)");
      }
      return fixedRows;
    }
    if (wanted > 1 && !inputs.stream().allMatch(Input::countsRows)) {
      throw new OfflineException(
          Kind.MODEL, "--batch: " + wanted + " (expected: 1, the model has no dimension for rows)");
    }
    return Math.max(1, wanted);
  }

  /**
   * A row's elements, in the order of the inputs.
   *
   * @throws OfflineException naming the cell that cannot be read
   */
  byte[][] encode(Rows rows, Rows.Row row) throws OfflineException {
    byte[][] encoded = new byte[inputs.size()][];
    for (int i = 0; i < encoded.length; i++) {
      Input input = inputs.get(i);
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      for (int column : input.columns()) {
        try {
          bytes.writeBytes(Cells.encode(input.type(), row.cells().get(column)));
        } catch (IllegalArgumentException e) {
          throw rows.at(row.line(), rows.names().get(column), String.valueOf(e.getMessage()));
        }
      }
      encoded[i] = bytes.toByteArray();
    }
    return encoded;
  }

  /** Whether some feature of a row is missing. */
  boolean incomplete(Rows.Row row) {
    for (Input input : inputs) {
      for (int column : input.columns()) {
        if (Cells.missing(row.cells().get(column))) {
          return true;
        }
      }
    }
    return false;
  }

  /** One call with these rows, without a model's name. */
  ModelInferRequest request(List<byte[][]> rows) {
    ModelInferRequest.Builder request = ModelInferRequest.newBuilder();
    for (int i = 0; i < inputs.size(); i++) {
      Input input = inputs.get(i);
      var tensor =
          ModelInferRequest.InferInputTensor.newBuilder()
              .setName(input.name())
              .setDatatype(input.type().wireName());
      if (input.countsRows()) {
        tensor.addShape(rows.size());
      }
      tensor.addAllShape(input.dims());
      ByteArrayOutputStream data = new ByteArrayOutputStream();
      for (byte[][] row : rows) {
        data.writeBytes(row[i]);
      }
      request.addInputs(tensor).addRawInputContents(ByteString.copyFrom(data.toByteArray()));
    }
    return request.build();
  }
}
