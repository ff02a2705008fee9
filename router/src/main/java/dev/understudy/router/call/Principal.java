package dev.understudy.router.call;

/**
 * Who is calling.
 *
 * @param name as in the key file, the token or the certificate; {@code anonymous} when nobody is
 *     asked
 * @param grant what he may do
 */
public record Principal(String name, Grant grant) {
  /** The one principal of a router without authentication. */
  public static final Principal ANONYMOUS = new Principal("anonymous", Grant.OPEN);

  /** The longest name: {@value} characters. */
  public static final int MAX_NAME = 256;

  /** Whether the caller may choose an arm by header. */
  public boolean tester() {
    return grant.tester();
  }

  /** Whether the caller may send inference requests to this model. */
  public boolean mayCall(String model) {
    return grant.infer() && grant.models().contains(model);
  }

  /** Whether the caller may ask about this model. */
  public boolean mayRead(String model) {
    return grant.metadata() && grant.models().contains(model);
  }

  /** Whether a text can be a name: printable ASCII, because it goes into records and metadata. */
  public static boolean isName(String text) {
    return !text.isBlank()
        && text.length() <= MAX_NAME
        && text.chars().allMatch(c -> c >= ' ' && c <= '~');
  }
}
