package dev.understudy.router.call;

/** Who may ask for what, for the methods beside inference. Any thread; nothing waits. */
public interface Gate {
  /**
   * Who is calling.
   *
   * @throws dev.understudy.chassis.error.Fault when it is not known and has to be
   */
  Principal authenticate(Headers headers);

  /**
   * Lets a principal ask about a model.
   *
   * @param model empty for the server as a whole
   * @throws dev.understudy.chassis.error.Fault when the principal may not
   */
  void checkRead(Principal principal, String model);
}
