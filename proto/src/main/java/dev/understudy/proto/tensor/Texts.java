package dev.understudy.proto.tensor;

/** The words in which Triton refuses an input; clients match on them. */
final class Texts {
  private Texts() {}

  static String noData(String input, String model) {
    return "unable to find data for input tensor '" + input + forModel(model) + " in request.";
  }

  static String typedAndRaw(String input, String model) {
    return "contents field must not be specified when using raw_input_contents for '"
        + input
        + forModel(model);
  }

  static String byteSize(String input, String model, Object expected, long got) {
    return "input byte size mismatch for input '"
        + input
        + forModel(model)
        + ". Expected "
        + expected
        + ", got "
        + got;
  }

  static String incompleteLength(String input, String model, int available) {
    return "incomplete string length indicator for inference input '"
        + input
        + forModel(model)
        + ", expecting 4 bytes but only "
        + available
        + " bytes available. Please make sure the string length indicator is in one buffer.";
  }

  static String incompleteString(String input, String model, long length, int available) {
    return "incomplete string data for inference input '"
        + input
        + forModel(model)
        + ", expecting string of length "
        + length
        + " but only "
        + available
        + " bytes available. Please make sure the string data is in one buffer.";
  }

  static String tooFewStrings(String input, String model, Object expected, long got) {
    return "expected "
        + expected
        + " string elements for inference input '"
        + input
        + forModel(model)
        + ", got "
        + got;
  }

  static String tooManyStrings(String input, String model, long expected) {
    return "unexpected number of string elements "
        + (expected + 1)
        + " for inference input '"
        + input
        + forModel(model)
        + ", expecting "
        + expected;
  }

  private static String forModel(String model) {
    return "' for model '" + model + "'";
  }
}
