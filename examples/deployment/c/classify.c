/* Run an exported ONNX model in C, with ONNX Runtime's C API.
 *
 *     cc classify.c -o classify -lonnxruntime
 *     ./classify murmur.onnx 1 6000 1600 200 -1    a test vector of the sidecar:
 *                                                  seed n_times period burst nan_at
 *     ./classify murmur.onnx < waveform            a recording: 32-bit floats, one
 *                                                  channel, at the rate of the model
 *
 * It prints what the metadata of the model say, and the probabilities; "nan" means that
 * the waveform cannot be classified. A seed of -1 stands for silence, and a nan_at of -1
 * for no NaN.
 */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <onnxruntime_c_api.h>

enum { LONGEST = 1 << 24 }; /* values that are read at most */

static const OrtApi *ort;

static void check(OrtStatus *status)
{
    if (status != NULL) {
        fprintf(stderr, "%s\n", ort->GetErrorMessage(status));
        exit(1);
    }
}

/* Compute the waveform of a test vector; the sidecar states the rule. */
static void compute(float *values, int64_t n, long seed, long period, long burst, long nan_at)
{
    uint32_t x = (uint32_t)seed;
    for (int64_t i = 0; i < n; i++) {
        x = 1664525u * x + 1013904223u;
        double weight = i % period < burst ? 1.0 : 1.0 / 64;
        values[i] = seed < 0 ? 0.0f : (float)((x / 2147483648.0 - 1) * weight);
    }
    if (nan_at >= 0 && nan_at < n)
        values[nan_at] = NAN;
}

/* Print entries of the metadata, which are JSON. */
static void print_metadata(OrtSession *session)
{
    static const char *const names[] = {"notice", "sample_rate", "classes", "decision"};
    OrtModelMetadata *metadata;
    OrtAllocator *allocator;
    check(ort->SessionGetModelMetadata(session, &metadata));
    check(ort->GetAllocatorWithDefaultOptions(&allocator));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *text = NULL;
        check(ort->ModelMetadataLookupCustomMetadataMap(metadata, allocator, names[i], &text));
        printf("%s: %s\n", names[i], text == NULL ? "unknown" : text);
        if (text != NULL)
            check(ort->AllocatorFree(allocator, text));
    }
    ort->ReleaseModelMetadata(metadata);
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 7) {
        fprintf(stderr, "usage: classify MODEL [SEED N_TIMES PERIOD BURST NAN_AT]\n");
        return 2;
    }
    float *values = malloc(LONGEST * sizeof *values);
    if (values == NULL)
        return 1;
    int64_t n;
    if (argc == 7) {
        n = atol(argv[3]);
        long period = atol(argv[4]);
        if (n < 1 || n > LONGEST || period < 1)
            return 2;
        compute(values, n, atol(argv[2]), period, atol(argv[5]), atol(argv[6]));
    } else {
        n = (int64_t)fread(values, sizeof *values, LONGEST, stdin);
    }

    ort = OrtGetApiBase()->GetApi(ORT_API_VERSION);
    if (ort == NULL) {
        fprintf(stderr, "The library is older than its header.\n");
        return 1;
    }
    OrtEnv *env;
    OrtSessionOptions *options;
    OrtSession *session;
    check(ort->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "classify", &env));
    check(ort->DisableTelemetryEvents(env));
    check(ort->CreateSessionOptions(&options));
    check(ort->CreateSession(env, argv[1], options, &session));
    print_metadata(session);

    OrtMemoryInfo *memory;
    OrtValue *input = NULL, *output = NULL;
    const char *const given[] = {"waveform"}, *const computed[] = {"probabilities"};
    check(ort->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));
    check(ort->CreateTensorWithDataAsOrtValue(
        memory, values, (size_t)n * sizeof *values, &n, 1,
        ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &input));
    check(ort->Run(session, NULL, given, (const OrtValue *const *)&input, 1, computed, 1,
                   &output));

    OrtTensorTypeAndShapeInfo *shape;
    size_t n_classes;
    float *probabilities;
    check(ort->GetTensorTypeAndShape(output, &shape));
    check(ort->GetTensorShapeElementCount(shape, &n_classes));
    check(ort->GetTensorMutableData(output, (void **)&probabilities));
    printf("probabilities:");
    for (size_t i = 0; i < n_classes; i++)
        if (isnan(probabilities[i]))
            printf(" nan");
        else
            printf(" %.7f", probabilities[i]);
    printf("\n");

    ort->ReleaseTensorTypeAndShapeInfo(shape);
    ort->ReleaseValue(output);
    ort->ReleaseValue(input);
    ort->ReleaseMemoryInfo(memory);
    ort->ReleaseSession(session);
    ort->ReleaseSessionOptions(options);
    ort->ReleaseEnv(env);
    free(values);
    return 0;
}
