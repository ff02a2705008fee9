package dev.understudy.proto.tensor;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import dev.understudy.proto.inference.InferParameter;
import dev.understudy.proto.inference.InferTensorContents;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import java.util.Arrays;
import java.util.Random;

/** Well-formed messages of every kind, and bytes derived from them, from a seed. */
final class RandomMessages {
  private static final String[] TEXTS = {
    "", "x", "INPUT0", "größe", "\uD83D\uDE00 ok", "a longer name that takes the fast path"
  };
  private final Random random;

  RandomMessages(long seed) {
    random = new Random(seed);
  }

  byte[] request() {
    var message = ModelInferRequest.newBuilder();
    message.setModelName(text()).setModelVersion(text()).setId(text());
    for (int i = random.nextInt(3); i > 0; i--) {
      message.putParameters(text(), parameter());
    }
    for (int i = random.nextInt(4); i > 0; i--) {
      var input = message.addInputsBuilder().setName(text()).setDatatype(datatype());
      random.longs(random.nextInt(4), -1, 200).forEach(input::addShape);
      if (random.nextInt(3) == 0) {
        input.setContents(contents());
      }
      if (random.nextInt(4) == 0) {
        input.putParameters(random.nextBoolean() ? "shared_memory_region" : text(), parameter());
      }
    }
    for (int i = random.nextInt(3); i > 0; i--) {
      message.addOutputsBuilder().setName(text()).putParameters(text(), parameter());
    }
    for (int i = random.nextInt(4); i > 0; i--) {
      message.addRawInputContents(bytes(20));
    }
    if (random.nextInt(4) == 0) {
      message.setUnknownFields(unknown());
    }
    return message.build().toByteArray();
  }

  byte[] response() {
    var message = ModelInferResponse.newBuilder();
    message.setModelName(text()).setModelVersion(text()).setId(text());
    for (int i = random.nextInt(3); i > 0; i--) {
      message.putParameters(text(), parameter());
    }
    for (int i = random.nextInt(4); i > 0; i--) {
      var output = message.addOutputsBuilder().setName(text()).setDatatype(datatype());
      random.longs(random.nextInt(4), -1, 200).forEach(output::addShape);
      if (random.nextInt(3) == 0) {
        output.setContents(contents());
      }
    }
    for (int i = random.nextInt(4); i > 0; i--) {
      message.addRawOutputContents(bytes(20));
    }
    if (random.nextInt(4) == 0) {
      message.setUnknownFields(unknown());
    }
    return message.build().toByteArray();
  }

  InferTensorContents contents() {
    var contents = InferTensorContents.newBuilder();
    for (int i = random.nextInt(4); i > 0; i--) {
      switch (random.nextInt(8)) {
        case 0 -> contents.addBoolContents(random.nextBoolean());
        case 1 -> contents.addIntContents(random.nextInt());
        case 2 -> contents.addInt64Contents(random.nextLong());
        case 3 -> contents.addUintContents(random.nextInt());
        case 4 -> contents.addUint64Contents(random.nextLong());
        case 5 -> contents.addFp32Contents(random.nextFloat()).addFp32Contents(2);
        case 6 -> contents.addFp64Contents(random.nextDouble());
        default -> contents.addBytesContents(bytes(5));
      }
    }
    return contents.build();
  }

  private InferParameter parameter() {
    var parameter = InferParameter.newBuilder();
    switch (random.nextInt(6)) {
      case 0 -> parameter.setBoolParam(random.nextBoolean());
      case 1 -> parameter.setInt64Param(random.nextLong());
      case 2 -> parameter.setStringParam(text());
      case 3 -> parameter.setDoubleParam(random.nextDouble());
      case 4 -> parameter.setUint64Param(random.nextLong());
      default -> parameter.clearParameterChoice();
    }
    return parameter.build();
  }

  private UnknownFieldSet unknown() {
    var field = UnknownFieldSet.Field.newBuilder();
    switch (random.nextInt(4)) {
      case 0 -> field.addVarint(random.nextLong());
      case 1 -> field.addFixed32(random.nextInt());
      case 2 -> field.addFixed64(random.nextLong());
      default -> field.addLengthDelimited(bytes(9));
    }
    return UnknownFieldSet.newBuilder().addField(8 + random.nextInt(99999), field.build()).build();
  }

  private String text() {
    return TEXTS[random.nextInt(TEXTS.length)];
  }

  private String datatype() {
    Datatype[] all = Datatype.values();
    int pick = random.nextInt(all.length + 1);
    return pick == all.length ? "FP8" : all[pick].wireName();
  }

  private ByteString bytes(int maxSize) {
    byte[] bytes = new byte[random.nextInt(maxSize)];
    random.nextBytes(bytes);
    return ByteString.copyFrom(bytes);
  }

  /** Flips, overwrites, cuts, doubles or shifts bytes here and there. */
  byte[] mutate(byte[] message) {
    byte[] bytes = message.clone();
    for (int i = 1 + random.nextInt(3); i > 0 && bytes.length > 0; i--) {
      int at = random.nextInt(bytes.length);
      switch (random.nextInt(6)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes[at] = (byte) random.nextInt();
        case 2 -> bytes = Arrays.copyOf(bytes, at);
        case 3 -> bytes[at] += (byte) (random.nextBoolean() ? 1 : -1);
        case 4 -> {
          byte[] doubled = Arrays.copyOf(bytes, bytes.length * 2 - at);
          System.arraycopy(bytes, at, doubled, bytes.length, bytes.length - at);
          bytes = doubled;
        }
        default -> System.arraycopy(bytes, at, bytes, random.nextInt(at + 1), bytes.length - at);
      }
    }
    return bytes;
  }
}
