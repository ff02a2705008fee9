package dev.understudy.launcher.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import dev.understudy.proto.inference.InferParameter;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.tensor.BFloat16;
import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.tensor.Half;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Between the JSON of the Open Inference Protocol's REST form and the messages of its gRPC form.
 * Tensor data may be flat or nested; tensors travel raw, little-endian, as every server accepts.
 */
final class InferJson {

  private InferJson() {}

  /**
   * Reads {@code {"inputs": [{"name", "datatype", "shape", "data"}], "outputs": [{"name"}], "id",
   * "parameters"}}.
   *
   * @throws JsonParseException with what is wrong and where
   */
  static ModelInferRequest request(String json, String model, String version) {
    JsonElement root = JsonParser.parseString(json);
    if (!root.isJsonObject()) {
      throw new JsonParseException("expected an object with \"inputs\"");
    }
    JsonObject body = root.getAsJsonObject();
    ModelInferRequest.Builder request =
        ModelInferRequest.newBuilder().setModelName(model).setModelVersion(version);
    if (body.has("id")) {
      request.setId(body.get("id").getAsString());
    }
    if (body.has("parameters")) {
      for (Map.Entry<String, JsonElement> entry : body.getAsJsonObject("parameters").entrySet()) {
        request.putParameters(entry.getKey(), parameter(entry.getValue()));
      }
    }
    JsonElement inputs = body.get("inputs");
    if (inputs == null || !inputs.isJsonArray() || inputs.getAsJsonArray().isEmpty()) {
      throw new JsonParseException("\"inputs\" must be a list with at least one tensor");
    }
    for (JsonElement element : inputs.getAsJsonArray()) {
      addInput(request, element.getAsJsonObject());
    }
    if (body.has("outputs")) {
      for (JsonElement output : body.getAsJsonArray("outputs")) {
        request.addOutputs(
            ModelInferRequest.InferRequestedOutputTensor.newBuilder()
                .setName(text(output.getAsJsonObject(), "name", "an output")));
      }
    }
    return request.build();
  }

  private static void addInput(ModelInferRequest.Builder request, JsonObject input) {
    String name = text(input, "name", "an input");
    String where = "input '" + name + "'";
    String wireName = text(input, "datatype", where);
    Datatype datatype = Datatype.of(wireName);
    if (datatype == null) {
      throw new JsonParseException(where + ": unknown datatype '" + wireName + "'");
    }
    JsonElement data = input.get("data");
    if (data == null) {
      throw new JsonParseException(where + ": \"data\" is missing");
    }
    List<JsonElement> flat = new ArrayList<>();
    flatten(data, flat);
    ModelInferRequest.InferInputTensor.Builder tensor =
        ModelInferRequest.InferInputTensor.newBuilder().setName(name).setDatatype(wireName);
    long elements = 1;
    for (long dim : shape(input, data)) {
      tensor.addShape(dim);
      elements *= dim;
    }
    if (elements != flat.size()) {
      throw new JsonParseException(
          where
              + ": shape "
              + tensor.getShapeList()
              + " asks for "
              + elements
              + " elements, data has "
              + flat.size());
    }
    request.addInputs(tensor);
    request.addRawInputContents(encode(datatype, flat, where));
  }

  private static List<Long> shape(JsonObject input, JsonElement data) {
    List<Long> shape = new ArrayList<>();
    if (input.has("shape")) {
      input.getAsJsonArray("shape").forEach(dim -> shape.add(dim.getAsLong()));
      return shape;
    }
    JsonElement at = data;
    while (at.isJsonArray()) {
      shape.add((long) at.getAsJsonArray().size());
      if (at.getAsJsonArray().isEmpty()) {
        break;
      }
      at = at.getAsJsonArray().get(0);
    }
    return shape;
  }

  private static void flatten(JsonElement data, List<JsonElement> into) {
    if (data.isJsonArray()) {
      data.getAsJsonArray().forEach(element -> flatten(element, into));
    } else {
      into.add(data);
    }
  }

  private static ByteString encode(Datatype datatype, List<JsonElement> flat, String where) {
    if (datatype == Datatype.BYTES) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      for (JsonElement element : flat) {
        byte[] bytes = element.getAsString().getBytes(StandardCharsets.UTF_8);
        out.writeBytes(
            ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(bytes.length).array());
        out.writeBytes(bytes);
      }
      return ByteString.copyFrom(out.toByteArray());
    }
    ByteBuffer buffer =
        ByteBuffer.allocate(Math.multiplyExact(flat.size(), datatype.byteSize()))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (JsonElement element : flat) {
      try {
        put(buffer, datatype, element);
      } catch (NumberFormatException | UnsupportedOperationException | IllegalStateException e) {
        throw new JsonParseException(where + ": " + element + " is no " + datatype.wireName(), e);
      }
    }
    return ByteString.copyFrom(buffer.flip());
  }

  private static void put(ByteBuffer buffer, Datatype datatype, JsonElement element) {
    switch (datatype) {
      case BOOL -> buffer.put((byte) (element.getAsBoolean() ? 1 : 0));
      case INT8, UINT8 -> buffer.put((byte) element.getAsLong());
      case INT16, UINT16 -> buffer.putShort((short) element.getAsLong());
      case INT32, UINT32 -> buffer.putInt((int) element.getAsLong());
      case INT64 -> buffer.putLong(element.getAsLong());
      case UINT64 -> buffer.putLong(element.getAsBigInteger().longValue());
      case FP32 -> buffer.putFloat((float) real(element));
      case FP64 -> buffer.putDouble(real(element));
      case FP16 -> buffer.putShort(Half.fromFloat((float) real(element)));
      case BF16 -> buffer.putShort(BFloat16.fromFloat((float) real(element)));
      case BYTES -> throw new IllegalStateException("encoded apart");
    }
  }

  /** JSON has no NaN: null stands for it, as a missing feature. */
  private static double real(JsonElement element) {
    return element.isJsonNull() ? Double.NaN : element.getAsDouble();
  }

  private static InferParameter parameter(JsonElement value) {
    InferParameter.Builder parameter = InferParameter.newBuilder();
    if (value.isJsonPrimitive() && value.getAsJsonPrimitive().isBoolean()) {
      return parameter.setBoolParam(value.getAsBoolean()).build();
    }
    if (value.isJsonPrimitive() && value.getAsJsonPrimitive().isNumber()) {
      double number = value.getAsDouble();
      return number == Math.rint(number)
          ? parameter.setInt64Param(value.getAsLong()).build()
          : parameter.setDoubleParam(number).build();
    }
    return parameter.setStringParam(value.getAsString()).build();
  }

  private static String text(JsonObject object, String key, String where) {
    JsonElement value = object.get(key);
    if (value == null || !value.isJsonPrimitive()) {
      throw new JsonParseException(where + ": \"" + key + "\" is missing");
    }
    return value.getAsString();
  }

  /** The answer in the REST form; tensors flat, in row-major order. */
  static JsonObject response(ModelInferResponse response) {
    JsonObject body = new JsonObject();
    body.addProperty("model_name", response.getModelName());
    body.addProperty("model_version", response.getModelVersion());
    if (!response.getId().isEmpty()) {
      body.addProperty("id", response.getId());
    }
    if (response.getParametersCount() > 0) {
      JsonObject parameters = new JsonObject();
      response
          .getParametersMap()
          .forEach((key, value) -> parameters.add(key, parameterJson(value)));
      body.add("parameters", parameters);
    }
    JsonArray outputs = new JsonArray();
    for (int i = 0; i < response.getOutputsCount(); i++) {
      ModelInferResponse.InferOutputTensor output = response.getOutputs(i);
      JsonObject tensor = new JsonObject();
      tensor.addProperty("name", output.getName());
      tensor.addProperty("datatype", output.getDatatype());
      JsonArray shape = new JsonArray();
      output.getShapeList().forEach(shape::add);
      tensor.add("shape", shape);
      Datatype datatype = Datatype.of(output.getDatatype());
      if (datatype != null && i < response.getRawOutputContentsCount()) {
        tensor.add("data", decode(datatype, response.getRawOutputContents(i)));
      }
      outputs.add(tensor);
    }
    body.add("outputs", outputs);
    return body;
  }

  private static @Nullable JsonElement parameterJson(InferParameter value) {
    return switch (value.getParameterChoiceCase()) {
      case BOOL_PARAM -> new com.google.gson.JsonPrimitive(value.getBoolParam());
      case INT64_PARAM -> new com.google.gson.JsonPrimitive(value.getInt64Param());
      case STRING_PARAM -> new com.google.gson.JsonPrimitive(value.getStringParam());
      case DOUBLE_PARAM -> new com.google.gson.JsonPrimitive(value.getDoubleParam());
      case UINT64_PARAM ->
          new com.google.gson.JsonPrimitive(Long.toUnsignedString(value.getUint64Param()));
      case PARAMETERCHOICE_NOT_SET -> com.google.gson.JsonNull.INSTANCE;
    };
  }

  private static JsonArray decode(Datatype datatype, ByteString raw) {
    ByteBuffer buffer = raw.asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    JsonArray data = new JsonArray();
    while (buffer.hasRemaining()) {
      switch (datatype) {
        case BOOL -> data.add(buffer.get() != 0);
        case INT8 -> data.add(buffer.get());
        case UINT8 -> data.add(Byte.toUnsignedInt(buffer.get()));
        case INT16 -> data.add(buffer.getShort());
        case UINT16 -> data.add(Short.toUnsignedInt(buffer.getShort()));
        case INT32 -> data.add(buffer.getInt());
        case UINT32 -> data.add(Integer.toUnsignedLong(buffer.getInt()));
        case INT64 -> data.add(buffer.getLong());
        case UINT64 -> data.add(new java.math.BigInteger(Long.toUnsignedString(buffer.getLong())));
        case FP32 -> data.add(finite(buffer.getFloat()));
        case FP64 -> data.add(finite(buffer.getDouble()));
        case FP16 -> data.add(finite(Half.toFloat(buffer.getShort())));
        case BF16 -> data.add(finite(BFloat16.toFloat(buffer.getShort())));
        case BYTES -> {
          byte[] bytes = new byte[buffer.getInt()];
          buffer.get(bytes);
          data.add(new String(bytes, StandardCharsets.UTF_8));
        }
      }
    }
    return data;
  }

  private static @Nullable Number finite(double value) {
    return Double.isFinite(value) ? (Number) value : null;
  }

  private static @Nullable Number finite(float value) {
    return Float.isFinite(value) ? (Number) value : null;
  }
}
