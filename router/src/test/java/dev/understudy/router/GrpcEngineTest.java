package dev.understudy.router;

import dev.understudy.router.testing.engine.GrpcEngine;
import dev.understudy.router.testing.engine.Scenario;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The engine on grpc-java plays every scenario of the kit. */
class GrpcEngineTest {
  @TestFactory
  Stream<DynamicTest> everyScenario() {
    return Scenario.all().stream()
        .map(scenario ->
            DynamicTest.dynamicTest(scenario.name(), () -> scenario.play(GrpcEngine::start)));
  }
}
