plugins {
    id("com.android.application") version "8.7.0"
    id("org.jetbrains.kotlin.android") version "2.1.0"
}

android {
    namespace = "edgegan"
    compileSdk = 35
    defaultConfig {
        applicationId = "edgegan"
        minSdk = 26
        targetSdk = 35
    }
    androidResources { noCompress += "tflite" }
    kotlinOptions { jvmTarget = "17" }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
}

dependencies { implementation("com.google.ai.edge.litert:litert:2.3.0") }
