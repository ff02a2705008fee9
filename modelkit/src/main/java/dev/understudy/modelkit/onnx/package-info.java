/** Authors ONNX graphs and writes trained classifiers as such. */
@org.jspecify.annotations.NullMarked
package dev.understudy.modelkit.onnx;
