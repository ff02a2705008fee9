/** Holds models, forms batches, and runs them on ONNX Runtime. */
@org.jspecify.annotations.NullMarked
package dev.understudy.modelserver;
