/** Makes small real models: generates data, trains, and writes ONNX. */
@org.jspecify.annotations.NullMarked
package dev.understudy.modelkit;
